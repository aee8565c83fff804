import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { z } from 'zod';
import { createTrustedCertificate } from '../helpers/certificate.ts';
import { endProgram, startForeignProgram, type ForeignProgram } from '../helpers/foreign-program.ts';
import { freePort } from '../helpers/ports.ts';
import { startService } from '../helpers/service.ts';
import { startTlsProxy, type ForwardedRequest } from '../helpers/tls-proxy.ts';

const FILES = join(import.meta.dirname, '../../docs/clients');
const SECRET = 'c0ffee'.repeat(10);

const clientsFile = z.object({ clients: z.array(z.looseObject({ client_id: z.string() })) });

/** The service behind https, and the clients of docs/clients. */
export interface DebianApps {
  issuer: string;
  /** A folder for files of the clients. */
  folder: string;
  certFile: string;
  /** The address at which a client of the documents runs, such as `authlib` for https://authlib.example. */
  addressOf(name: string): string;
  /** Returns a file of docs/clients with the addresses and the secret of this test. */
  render(file: string): string;
  /** Writes a rendered file to the folder, and returns its path. */
  write(file: string): string;
  /** Runs the server of an app until `stop`, and waits until it answers at the address. */
  serve(address: string, command: readonly string[], env?: Record<string, string>): Promise<void>;
  /** Runs a program until it ends, or until `stop`. */
  start(command: readonly string[]): ForeignProgram;
  /** Returns the statuses of the refreshes of a client. */
  refreshesOf(clientId: string): number[];
  stop(): Promise<void>;
}

/** @param clientsList the file of docs/clients with the registrations */
export async function startDebianApps(clientsList: string, names: readonly string[]): Promise<DebianApps> {
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-clients-'));
  const certificate = createTrustedCertificate();
  const [issuerPort, servicePort] = [await freePort(), await freePort()];
  const issuer = `https://localhost:${String(issuerPort)}`;
  const addresses = new Map<string, string>();
  for (const name of names) addresses.set(name, `http://localhost:${String(await freePort())}`);
  const addressOf = (name: string): string => addresses.get(name) ?? assert.fail(name);
  const fill = (text: string): string =>
    text
      .replaceAll('https://id.example', issuer)
      .replaceAll('the-secret-hash', createHash('sha256').update(SECRET).digest('hex'))
      .replaceAll('the-secret', SECRET)
      .replaceAll(/https:\/\/(\w+)\.example(?=[/'"])/g, (whole, name: string) => addresses.get(name) ?? whole);
  const render = (file: string): string => fill(readFileSync(join(FILES, file), 'utf8'));
  const registered = clientsFile.parse(JSON.parse(render(clientsList))).clients;
  const service = await startService({
    // All apps of the test have the host "localhost", so each needs a sector.
    clients: registered.map((client) => ({
      sector_identifier_uri: `https://${client.client_id}.example/sector.json`,
      ...client,
    })),
    port: servicePort,
    env: { KINPASS_ISSUER: issuer },
  });
  const proxy = await startTlsProxy(certificate, issuerPort, servicePort);
  const apps: ForeignProgram[] = [];
  const start = (command: readonly string[], env: Record<string, string> = {}): ForeignProgram => {
    const app = startForeignProgram(command, folder, env);
    apps.push(app);
    return app;
  };
  return {
    issuer,
    folder,
    certFile: certificate.certFile,
    addressOf,
    render,
    write: (file) => {
      const path = join(folder, file);
      writeFileSync(path, render(file));
      return path;
    },
    serve: (address, command, env) => waitForApp(address, start(command, env)),
    start,
    refreshesOf: (clientId) =>
      proxy.posted
        .filter(({ path, body }) => path === '/token' && body.includes('grant_type=refresh_token'))
        .filter((request) => clientOf(request) === clientId)
        .map(({ status }) => status),
    stop: async () => {
      for (const app of apps) endProgram(app);
      await Promise.all(apps.map(({ ended }) => ended));
      proxy.stop();
      await service.stop();
      certificate.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function clientOf({ headers, body }: ForwardedRequest): string | null | undefined {
  const basic = /^Basic (.*)$/.exec(String(headers['authorization']))?.[1];
  if (basic === undefined) return new URLSearchParams(body).get('client_id');
  return Buffer.from(basic, 'base64').toString().split(':')[0];
}

async function waitForApp(address: string, app: ForeignProgram): Promise<void> {
  await app.waitFor(`an answer of ${address}`, () =>
    fetch(address, { redirect: 'manual' }).then(
      () => true,
      () => false,
    ),
  );
}
