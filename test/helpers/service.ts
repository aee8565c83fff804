import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { loadDemoCity } from '../../demo/city/load.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createContainer, type Container } from '../../src/container/index.ts';
import type { JobIntervals } from '../../src/container/jobs.ts';
import { systemClock, type Clock } from '../../src/domain/clock.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createLogger, type Logger } from '../../src/platform/logger.ts';
import { freePort } from './ports.ts';

export interface TestService {
  issuer: string;
  container: Container;
  /** The path of KINPASS_CLIENTS_FILE. */
  clientsFile: string;
  stop(): Promise<void>;
}

/** The issuer and the database of a service, also of one that runs in other processes. */
export interface ServiceDatabase {
  issuer: string;
  container: Pick<Container, 'store' | 'secrets'>;
}

export interface TestServiceOptions {
  /** Registered relying parties, as in KINPASS_CLIENTS_FILE. */
  clients: readonly object[];
  /** Registered APIs, as in KINPASS_CLIENTS_FILE. */
  resourceServers?: readonly object[];
  /** URL of a PostgreSQL database. Default: a new SQLite file. */
  databaseUrl?: string;
  smtpUrl?: string;
  clock?: Clock;
  /** Default: no log. */
  log?: Logger;
  /** Additional settings. */
  env?: Record<string, string>;
  /** Replaces the rule of the profile. */
  acceptsPrivateAddresses?: boolean;
  port?: number;
  city?: boolean;
  /** Poll intervals of the jobs. */
  intervals?: JobIntervals;
  /** Certificate for https, which only the conformance profile serves. */
  tls?: { certFile: string; keyFile: string };
}

/** Starts the service with the demo city in this process, on a new port and a new database. */
export async function startService(options: TestServiceOptions): Promise<TestService> {
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-test-'));
  const port = options.port ?? (await freePort());
  const issuer = `${options.tls === undefined ? 'http' : 'https'}://localhost:${String(port)}`;
  const registrations = { clients: options.clients, resource_servers: options.resourceServers ?? [] };
  writeFileSync(join(folder, 'clients.json'), JSON.stringify(registrations));
  writeFileSync(join(folder, 'key'), randomBytes(32).toString('base64'));
  const loaded = loadConfig({
    KINPASS_PROFILE: 'development',
    KINPASS_ISSUER: issuer,
    KINPASS_PORT: String(port),
    KINPASS_MASTER_KEY_FILE: join(folder, 'key'),
    KINPASS_DATABASE_FILE: join(folder, 'kinpass.sqlite'),
    KINPASS_CLIENTS_FILE: join(folder, 'clients.json'),
    KINPASS_SMTP_URL: options.smtpUrl ?? 'smtp://127.0.0.1:9',
    KINPASS_MAIL_FROM: 'no-reply@kinpass.example',
    KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES: 'true',
    KINPASS_LOG_LEVEL: 'silent',
    // The lowest valid cost. The unit test of the password hasher uses the production cost.
    KINPASS_HASH_MEMORY_KIB: '7168',
    KINPASS_HASH_PASSES: '1',
    // Tests of other limits fail on purpose; human-check.test.ts sets the default.
    KINPASS_HUMAN_CHECK_FAILURES: '1000000',
    ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
    KINPASS_TLS_CERT_FILE: options.tls?.certFile,
    KINPASS_TLS_KEY_FILE: options.tls?.keyFile,
    ...options.env,
  });
  const { acceptsPrivateAddresses = loaded.acceptsPrivateAddresses } = options;
  const config = { ...loaded, acceptsPrivateAddresses };
  const clock = options.clock ?? systemClock;
  const log = options.log ?? createLogger(config.logLevel);
  const container = await createContainer(config, { clock, random: systemRandom, log });
  if (options.city !== false) await loadDemoCity({ ...container, clock, people: 0 });
  container.server.listen(port, 'localhost');
  await once(container.server, 'listening');
  const jobs = container.startJobs(options.intervals);
  return {
    issuer,
    container,
    clientsFile: config.clientsFilePath,
    stop: async () => {
      container.server.close();
      container.server.closeAllConnections();
      await Promise.all(jobs.map((job) => job.stop()));
      await container.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
