import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import { createTrustedCertificate, type TestCertificate } from './certificate.ts';
import { BASE, SERVICE_SECRET, serviceName } from './directory-account.ts';
import { startService, type TestService, type TestServiceOptions } from './service.ts';

export { BASE, SERVICE_SECRET, serviceName };

/** Returns a registration with a service account. */
export function directoryClient(id: string, fields: object = {}): object {
  const sha256 = createHash('sha256').update(SERVICE_SECRET).digest('hex');
  return {
    client_id: id,
    client_name: id,
    client_secret_sha256: [sha256],
    redirect_uris: [`https://${id}.example/callback`],
    scopes: ['openid', 'profile', 'email', 'roles'],
    ldap: { secret_sha256: [sha256], scan: true },
    ...fields,
  };
}

/** Service accounts of several sectors, scopes and school types. */
export const DIRECTORY_CLIENTS: readonly object[] = [
  directoryClient('radius'),
  directoryClient('other', { scopes: ['openid'], first_party: true }),
  directoryClient('library', { redirect_uris: ['https://shared.example/a'] }),
  directoryClient('lab', { redirect_uris: ['https://shared.example/b'], scopes: ['openid', 'profile'] }),
  directoryClient('nursery', { school_types: ['special'] }),
  directoryClient('phones', { scopes: ['openid', 'phone'] }),
  directoryClient('mail', { ldap: { secret_sha256: ['0'.repeat(64)] } }),
];

export interface TestDirectory {
  service: TestService;
  certificate: TestCertificate;
  /** `ldap://127.0.0.1:…`, for StartTLS. */
  url: string;
  /** `ldaps://127.0.0.1:…`. */
  tlsUrl: string;
  port: number;
  tlsPort: number;
  stop(): Promise<void>;
}

/** Starts the service with the demo city and its directory. */
export async function startDirectory(options: TestServiceOptions): Promise<TestDirectory> {
  const certificate = createTrustedCertificate();
  const service = await startService({
    ...options,
    env: {
      KINPASS_LDAP_PORT: '0',
      KINPASS_LDAPS_PORT: '0',
      KINPASS_LDAP_BASE: BASE,
      KINPASS_LDAP_TLS_CERT_FILE: certificate.certFile,
      KINPASS_LDAP_TLS_KEY_FILE: certificate.keyFile,
      ...options.env,
    },
  });
  const { ldap } = service.container;
  if (ldap === undefined) throw new Error('the directory is off');
  const listen = async (server: typeof ldap.plain): Promise<number> => {
    // OpenLDAP checks the name of the machine in place of "localhost".
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const [port, tlsPort] = [await listen(ldap.plain), await listen(ldap.tls)];
  return {
    ...{ service, certificate, port, tlsPort },
    url: `ldap://127.0.0.1:${String(port)}`,
    tlsUrl: `ldaps://127.0.0.1:${String(tlsPort)}`,
    stop: async () => {
      ldap.plain.close();
      ldap.tls.close();
      await ldap.drain();
      await service.stop();
      certificate.remove();
    },
  };
}

export interface ToolResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a client of OpenLDAP. It trusts the certificate of the test. */
export async function runTool(
  { certificate }: TestDirectory,
  tool: string,
  args: readonly string[],
): Promise<ToolResult> {
  const child = spawn(tool, args, {
    env: { PATH: process.env['PATH'], LDAPTLS_CACERT: certificate.certFile },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: child.exitCode ?? -1, stdout, stderr };
}

/** Returns the values of an attribute in LDIF, decoded. */
export function valuesOf(ldif: string, attribute: string): string[] {
  const unfolded = ldif.replaceAll('\n ', '');
  return unfolded.split('\n').flatMap((line) => {
    if (line.startsWith(`${attribute}:: `)) {
      return [Buffer.from(line.slice(attribute.length + 3), 'base64').toString('utf8')];
    }
    return line.startsWith(`${attribute}: `) ? [line.slice(attribute.length + 2)] : [];
  });
}
