import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { TestCertificate } from './certificate.ts';
import { pollUntil } from './poll.ts';

const DEPLOY = join(import.meta.dirname, '../../deploy');
/** Debian installs it outside the PATH of users. */
const NGINX = '/usr/sbin/nginx';

interface NginxOptions extends Pick<TestCertificate, 'certFile' | 'keyFile'> {
  ports: { http: number; https: number };
  /** The content of the file with the nodes. */
  upstream: string;
}

export interface NginxFolder {
  /** Returns what `nginx -t` prints, which includes its exit code in an error. */
  check(): Promise<string>;
  /** @throws {Error} with the output of nginx if it exits */
  start(): Promise<{ stop(): Promise<void> }>;
  readLog(name: 'access' | 'error'): string;
  remove(): void;
}

/** Writes deploy/nginx.conf with other ports and paths to a new folder. */
export function createNginxFolder({ ports, upstream, certFile, keyFile }: NginxOptions): NginxFolder {
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-nginx-'));
  const site = readFileSync(join(DEPLOY, 'nginx.conf'), 'utf8')
    .replaceAll('listen [::]:', '# listen [::]:')
    .replace('listen 80;', `listen 127.0.0.1:${String(ports.http)};`)
    .replace('listen 443 ', `listen 127.0.0.1:${String(ports.https)} `)
    .replaceAll('/etc/nginx/tls.crt', certFile)
    .replaceAll('/etc/nginx/tls.key', keyFile)
    .replaceAll('/var/log/nginx', folder);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  const main = [
    ...['daemon off;', 'worker_processes 1;', `pid ${join(folder, 'pid')};`],
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    'events {}',
    `http { ${temporary.join(' ')} include ${join(folder, 'upstream.conf')}; include ${join(folder, 'site.conf')}; }`,
  ];
  writeFileSync(join(folder, 'nginx.conf'), main.join('\n'));
  writeFileSync(join(folder, 'upstream.conf'), upstream);
  writeFileSync(join(folder, 'site.conf'), site);
  const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'];
  return {
    check: async () => (await promisify(execFile)(NGINX, ['-t', ...args])).stderr,
    start: async () => {
      const child = spawn(NGINX, args, { stdio: ['ignore', 'ignore', 'pipe'] });
      let printed = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (printed += text));
      const ended = once(child, 'close');
      await pollUntil('nginx is ready', async () => {
        if (child.exitCode !== null) throw new Error(printed);
        return fetch(`http://127.0.0.1:${String(ports.http)}/`, { redirect: 'manual' }).then(
          () => true,
          () => false,
        );
      });
      return {
        stop: async () => {
          child.kill('SIGTERM');
          await ended;
        },
      };
    },
    readLog: (name) => readFileSync(join(folder, `${name}.log`), 'utf8'),
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
