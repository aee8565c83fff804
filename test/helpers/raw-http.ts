import { connect, type Socket } from 'node:net';
import { request, type IncomingHttpHeaders } from 'node:http';

/** A response without followed redirects and stored cookies. */
export interface RawResponse {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface RawRequest {
  method?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
}

/** Sends a request target and headers that `fetch` would not send: any `Host`, the absolute form, bytes. */
export function send(
  origin: string,
  target: string,
  { method = 'GET', headers = {}, body }: RawRequest = {},
): Promise<RawResponse> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path: target, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Returns the headers of a form that a browser submits from a page of the service. */
export function formHeaders(issuer: string, cookie = ''): Record<string, string> {
  return {
    'content-type': 'application/x-www-form-urlencoded',
    origin: issuer,
    'sec-fetch-site': 'same-origin',
    accept: 'text/html',
    ...(cookie === '' ? {} : { cookie }),
  };
}

/** Returns the name and the attributes of a cookie without its value and times. */
export function cookieShape(cookie: string): string {
  const [pair = '', ...attributes] = cookie.split(/;\s*/);
  return [pair.split('=')[0], ...attributes.filter((attribute) => !/^expires=/i.test(attribute))].join('; ');
}

/**
 * Opens a connection, sends the request target `count` times at once and never reads. Responses fill the kernel buffers, then
 * wait at the service.
 */
export function pipeline(origin: string, target: string, count: number): Socket {
  const { hostname, port, host } = new URL(origin);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.pause();
  // Some tests expect the service to reset the connection.
  socket.on('error', () => undefined);
  socket.write(`GET ${target} HTTP/1.1\r\nhost: ${host}\r\n\r\n`.repeat(count));
  return socket;
}
