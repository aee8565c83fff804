import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { createRecipeFolder } from './directory-recipes.ts';
import type { TestDirectory } from './directory.ts';
import { pollUntil } from './poll.ts';
import { freePort } from './ports.ts';

const MODULES = ['mpm_event', 'authn_core', 'authz_core', 'auth_basic', 'ldap', 'authnz_ldap'];

/** Starts Apache with a page for the members of a group. The page exists: it has the status 200. */
export async function startApache(
  directory: TestDirectory,
  group: string,
): Promise<{ url: string; stop(): Promise<void> }> {
  const folder = createRecipeFolder(directory);
  writeFileSync(join(folder.path, 'index.txt'), 'members only');
  const recipe = folder.write('apache.conf', {
    '<Location /teachers>': '<Location />',
    '993302-teachers': group,
    '=portal,': '=radius,',
  });
  const port = await freePort();
  const config = `
ServerRoot ${folder.path}
ServerName localhost
Listen 127.0.0.1:${port}
PidFile ${folder.path}/pid
ErrorLog ${folder.path}/error.log
DocumentRoot ${folder.path}
User www-data
Group www-data
${MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
Include ${recipe}
`;
  const child = spawn('apache2', ['-X', '-f', folder.create('main.conf', config)], { stdio: 'inherit' });
  const url = `http://127.0.0.1:${port}/index.txt`;
  await pollUntil('Apache asks for a password', async () => (await fetch(url).catch(() => undefined))?.status === 401);
  return {
    url,
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      await exited;
      folder.remove();
    },
  };
}
