import type { IncomingMessage } from 'node:http';
import { isIP, isIPv4, isIPv6, type Socket } from 'node:net';
import proxyaddr from 'proxy-addr';
import type Koa from 'koa';

/**
 * Makes the issuer the origin of every request. Links, cookies and discovery ignore `Host` and `X-Forwarded-*`; only the client address
 * comes from `X-Forwarded-For`, and only from trusted proxies.
 */
export function pinOrigin(app: Koa, issuer: string, trustedProxies: readonly string[]): void {
  const { protocol, host, hostname, origin } = new URL(issuer);
  const clients = createClientAddress(trustedProxies);
  const fixed = (value: unknown): PropertyDescriptor => ({ get: () => value, configurable: true });
  Object.defineProperties(app.request, {
    protocol: fixed(protocol.replace(':', '')),
    secure: fixed(protocol === 'https:'),
    host: fixed(host),
    hostname: fixed(hostname),
    origin: fixed(origin),
    href: {
      configurable: true,
      get(this: { req: IncomingMessage }) {
        return origin + pathOf(this.req.url);
      },
    },
    ip: {
      configurable: true,
      get(this: { req: IncomingMessage }) {
        return clients.of(this.req);
      },
    },
  });
}

/** `203.0.113.7:51234` */
const IPV4_AND_PORT = /^([\d.]+):\d{1,5}$/;
/** `[2001:db8::1]` and `[2001:db8::1]:443` */
const BRACKETS_AND_PORT = /^\[([^\]]+)\](?::\d{1,5})?$/;

/**
 * Returns the address of an entry of `X-Forwarded-For`, without port, brackets and zone. An unbracketed IPv6 address never has a port:
 * `2001:db8::1:443` is an address.
 *
 * @returns undefined if the entry is not an address
 */
export function parseForwardedAddress(entry: string): string | undefined {
  const trimmed = entry.trim();
  const [, ipv4] = IPV4_AND_PORT.exec(trimmed) ?? [];
  if (ipv4 !== undefined) return isIPv4(ipv4) ? ipv4 : undefined;
  const [, inner] = BRACKETS_AND_PORT.exec(trimmed) ?? [];
  const [address = '', zone] = (inner ?? trimmed).split('%', 2);
  const isAddress = inner === undefined && zone === undefined ? isIP(address) !== 0 : isIPv6(address);
  return isAddress ? address : undefined;
}

export interface ClientAddress {
  isTrusted(address: string): boolean;
  /** Returns the address of the client that sent the request. */
  of(request: IncomingMessage): string;
}

/** @param trustedProxies addresses and networks whose `X-Forwarded-For` is used */
export function createClientAddress(trustedProxies: readonly string[]): ClientAddress {
  const isTrustedProxy = proxyaddr.compile([...trustedProxies]);
  return {
    isTrusted: (address) => isTrustedProxy(address, 0),
    of: (request) => clientAddress(request, isTrustedProxy),
  };
}

/**
 * Returns the first address from the right that is not a trusted proxy. At an entry that is not an address, returns the proxy that sent
 * it and ignores everything to its left.
 */
function clientAddress({ socket, headers }: IncomingMessage, isTrusted: ReturnType<typeof proxyaddr.compile>): string {
  const header = headers['x-forwarded-for'];
  const entries = header === undefined ? [] : [header].flat().join(',').split(',').reverse();
  let address = peerOf(socket);
  for (const [hop, entry] of entries.entries()) {
    if (!isTrusted(address, hop)) return address;
    const next = parseForwardedAddress(entry);
    if (next === undefined) return address;
    address = next;
  }
  return address;
}

/** Returns the address at the other end of a connection; empty if it is closed. */
export function peerOf({ remoteAddress = '' }: Pick<Socket, 'remoteAddress'>): string {
  return parseForwardedAddress(remoteAddress) ?? '';
}

/** Returns the path and query of a request target. An absolute form (`GET http://other/ …`) loses its host (RFC 9112, 3.2.2). */
export function pathOf(target: string | undefined): string {
  if (target === undefined) return '/';
  // Koa parses a fragment, a space and non-ASCII characters by other rules: only Koa reads `/auth#x` as `/auth`.
  if (target.startsWith('/')) return target.replace(/#.*$/s, '').replace(/[^!-~]/gu, encodeURIComponent);
  const url = URL.parse(target);
  // `host:443` parses too, but its path does not begin with a slash.
  return url?.pathname.startsWith('/') === true ? url.pathname + url.search : '/';
}
