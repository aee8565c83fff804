import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:https';

import type { TestCertificate } from './certificate.ts';

/** A request with its body, and the status of the response. */
export interface ForwardedRequest {
  path: string;
  headers: Record<string, unknown>;
  body: string;
  status: number;
}

export interface TlsProxy {
  /** All POST requests. */
  posted: readonly ForwardedRequest[];
  stop(): void;
}

/** Serves https at one port of localhost, and forwards each request to another port over http. */
export async function startTlsProxy(
  { certFile, keyFile }: TestCertificate,
  port: number,
  target: number,
): Promise<TlsProxy> {
  const posted: ForwardedRequest[] = [];
  const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (incoming, response) => {
    const { method, url: path = '/', headers } = incoming;
    let body = '';
    incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
    const forwarded = request({ host: 'localhost', port: target, method, path, headers }, (answer) => {
      const status = answer.statusCode ?? 502;
      if (method === 'POST') posted.push({ path, headers, body, status });
      response.writeHead(status, answer.headers);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    incoming.pipe(forwarded);
  });
  server.listen(port, 'localhost');
  await once(server, 'listening');
  return {
    posted,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
