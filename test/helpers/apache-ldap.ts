import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { BASE, SERVICE_SECRET, serviceName, type TestDirectory } from './directory.ts';
import { pollUntil } from './poll.ts';
import { freePort } from './ports.ts';

const MODULES = ['mpm_event', 'authn_core', 'authz_core', 'auth_basic', 'ldap', 'authnz_ldap'];

/** Starts Apache with a page for the members of a group. The page exists: it has the status 200. */
export async function startApache(
  directory: TestDirectory,
  group: string,
): Promise<{ url: string; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-apache-'));
  // The workers of Apache run as another user.
  chmodSync(folder, 0o755);
  copyFileSync(directory.certificate.certFile, join(folder, 'ca.pem'));
  writeFileSync(join(folder, 'index.txt'), 'members only');
  const port = await freePort();
  const config = `
ServerRoot ${folder}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
DocumentRoot ${folder}
User www-data
Group www-data
${MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
LDAPTrustedGlobalCert CA_BASE64 ${folder}/ca.pem
<Location />
  AuthType Basic
  AuthName city
  AuthBasicProvider ldap
  AuthLDAPURL "ldap://127.0.0.1:${directory.port}/${BASE}?uid?sub" TLS
  AuthLDAPBindDN "${serviceName('radius')}"
  AuthLDAPBindPassword "${SERVICE_SECRET}"
  Require ldap-group cn=${group},ou=groups,${BASE}
</Location>
`;
  writeFileSync(join(folder, 'apache.conf'), config);
  const child = spawn('apache2', ['-X', '-f', join(folder, 'apache.conf')], { stdio: 'inherit' });
  const url = `http://127.0.0.1:${port}/index.txt`;
  await pollUntil('Apache asks for a password', async () => (await fetch(url).catch(() => undefined))?.status === 401);
  return {
    url,
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}
