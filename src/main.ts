import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { LISTEN_SETTINGS } from './config/listen-addresses.ts';
import type { Config } from './config/load.ts';
import { createContainer, type Container } from './container/index.ts';
import { checkStart } from './container/start-checks.ts';
import type { JobIntervals } from './container/jobs.ts';
import { listen, listPortProblems } from './container/ports.ts';
import { systemClock } from './domain/clock.ts';
import { systemRandom } from './domain/random.ts';
import { createMetricsServer } from './http/server/metrics-server.ts';
import type { PeriodicJob } from './jobs/periodic-job.ts';
import { createLogger, type Logger } from './platform/logger.ts';
import type { Metrics } from './platform/metrics.ts';
import { createMailTest, type MailTest } from './services/notifications/mail-test.ts';
import { codeOf } from './store/database/errors.ts';

/** Time for in-flight requests after the drain, in milliseconds. Then their connections are closed. */
const SHUTDOWN_GRACE_MS = 10_000;

/** A running service. */
export interface RunningServer {
  port: number;
  /** Reads the clients file again. A file with an error changes nothing. */
  reloadClients(): void;
  /**
   * Stops the service: reports that it is not ready, drains for load balancers, finishes in-flight requests, and closes everything. A
   * second call ends the drain at once.
   */
  stop(): Promise<void>;
}

/**
 * Starts the service from its configuration.
 *
 * @param intervals intervals of background jobs; jobs that are left out use their default
 * @throws {ConfigError} with one line for each problem, also when a port is in use; everything that was started is closed then
 */
export async function start(
  env: Record<string, string | undefined>,
  intervals: JobIntervals = {},
): Promise<RunningServer> {
  // The level is known after the check, which only warns.
  const { complete, warnings } = await checkStart(env, {
    clock: systemClock,
    log: createLogger('warn'),
    listPortProblems,
  });
  const config = complete();
  const log = createLogger(config.logLevel);
  for (const warning of warnings) log.warn({ warning }, 'start check warning');
  logIgnoredSignals(log);
  const container = await createContainer(config, { clock: systemClock, random: systemRandom, log });
  const servers: HttpServer[] = [];
  const directory: Server[] = [];
  const jobs: PeriodicJob[] = [];
  const close = async (): Promise<void> => {
    await Promise.all([...servers.map((server) => closeServer(server)), closeDirectory(container, directory)]);
    await Promise.all(jobs.map((job) => job.stop()));
    await container.close();
  };
  let port: number;
  try {
    // The public port comes last: a load balancer finds no node that is only half started.
    servers.push(...(await startMetrics(config, container.metrics, log)));
    jobs.push(...container.startJobs(intervals));
    await startDirectory(config, container, directory);
    port = await listen(container.server, { ...config, names: LISTEN_SETTINGS.http });
    servers.push(container.server);
  } catch (error) {
    await close();
    throw error;
  }
  const mailTest = testMail(config, log);
  const { port: ldapPort, tlsPort: ldapsPort } = config.directory ?? {};
  log.info({ issuer: config.issuer, port, ldapPort, ldapsPort, database: container.store.dialect }, 'ready');
  return {
    port,
    reloadClients: () => {
      container.reloadClients();
    },
    stop: createStop(config, container, log, async () => {
      mailTest.close();
      await close();
    }),
  };
}

/** Tries the mail server in the background. A failure is a warning, because the outbox keeps all mail. */
function testMail({ mail }: Config, log: Logger): MailTest {
  const mailTest = createMailTest(mail);
  void mailTest.attempt().catch((error: unknown) => {
    const advice = 'KINPASS_SMTP_URL: run "kinpass mail test"; mail waits in the outbox';
    log.warn({ host: new URL(mail.smtpUrl).host, code: codeOf(error), advice }, 'mail server not usable');
  });
  return mailTest;
}

/** Creates the function that drains and closes a running service. */
function createStop(
  config: Config,
  { drain }: Container,
  log: Logger,
  close: () => Promise<void>,
): () => Promise<void> {
  const skipDrain = new AbortController();
  const stop = async (): Promise<void> => {
    drain.begin();
    if (config.drainMs > 0) {
      log.info({ ms: config.drainMs }, 'draining');
      await sleep(config.drainMs, undefined, { signal: skipDrain.signal }).catch(() => undefined);
    }
    log.info('stopping');
    await close();
    log.info('stopped');
  };
  let stopped: Promise<void> | undefined;
  return () => {
    if (stopped !== undefined) skipDrain.abort();
    return (stopped ??= stop());
  };
}

/** Logs the signals that bin/kinpass.js disables: SIGUSR1 would open the inspector, SIGUSR2 would end the process without a drain. */
function logIgnoredSignals(log: Logger): void {
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    process.on(signal, () => {
      log.warn({ signal }, 'signal ignored');
    });
  }
}

/** Opens the ports of the directory. @param opened gets each server that listens, also when a later port cannot be opened */
async function startDirectory(
  { directory }: Config,
  { ldap }: Pick<Container, 'ldap'>,
  opened: Server[],
): Promise<void> {
  if (directory === undefined || ldap === undefined) return;
  const { host, port, tlsPort } = directory;
  if (port !== undefined) {
    await listen(ldap.plain, { host, port, names: LISTEN_SETTINGS.ldap });
    opened.push(ldap.plain);
  }
  if (tlsPort !== undefined) {
    await listen(ldap.tls, { host, port: tlsPort, names: LISTEN_SETTINGS.ldaps });
    opened.push(ldap.tls);
  }
}

/** Rejects new connections, and ends the open ones with a notice. */
async function closeDirectory({ ldap }: Container, servers: readonly Server[]): Promise<void> {
  const closed = servers.map((server) => once(server, 'close'));
  for (const server of servers) server.close();
  await ldap?.drain();
  await Promise.all(closed);
}

async function startMetrics({ metrics: address }: Config, metrics: Metrics, log: Logger): Promise<HttpServer[]> {
  if (address === undefined) return [];
  const server = createMetricsServer(metrics, log);
  await listen(server, { ...address, names: LISTEN_SETTINGS.metrics });
  return [server];
}

/** Interval of the search for idle connections during shutdown, in milliseconds. */
const IDLE_SWEEP_INTERVAL_MS = 50;

/** Closes a server: rejects new connections, closes idle ones, and lets in-flight requests finish. */
async function closeServer(server: HttpServer): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  const sweep = setInterval(() => {
    server.closeIdleConnections();
  }, IDLE_SWEEP_INTERVAL_MS);
  const timer = setTimeout(() => {
    server.closeAllConnections();
  }, SHUTDOWN_GRACE_MS);
  await closed;
  clearInterval(sweep);
  clearTimeout(timer);
}
