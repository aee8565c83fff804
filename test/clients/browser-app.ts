import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import type { KnownClient } from './registration.ts';

const FOLDER = join(import.meta.dirname, '../../docs/clients');
const PACKAGE = createRequire(import.meta.url).resolve('oidc-client-ts');
const SCRIPT = join(PACKAGE, '../../browser/oidc-client-ts.min.js');

/** Serves the page of docs/clients and the script of the package, as a web server without code does. */
export async function serveBrowserApp(issuer: string, { id, baseUrl }: KnownClient): Promise<Server> {
  const page = readFileSync(join(FOLDER, `${id}.html`), 'utf8')
    .replace('https://sso.city.example', issuer)
    .replace("'browser-app'", `'${id}'`);
  const script = readFileSync(SCRIPT);
  const server = createServer(({ url }, response) => {
    const isScript = url === '/oidc-client-ts.min.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html; charset=utf-8');
    response.end(isScript ? script : page);
  });
  server.listen(Number(new URL(baseUrl).port), 'localhost');
  await once(server, 'listening');
  return server;
}
