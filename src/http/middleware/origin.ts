import type { IncomingMessage } from 'node:http';
import proxyaddr from 'proxy-addr';
import type Koa from 'koa';

/**
 * The issuer is the only origin that this service has. Whatever `Host` or `X-Forwarded-*` say, links, cookies and discovery
 * are made from the issuer; only the visitor's address is taken from `X-Forwarded-For`, and only from known proxies.
 */
export function pinOrigin(app: Koa, issuer: string, trustedProxies: readonly string[]): void {
  const { protocol, host, hostname, origin } = new URL(issuer);
  const trust = proxyaddr.compile([...trustedProxies]);
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
        return proxyaddr(this.req, trust);
      },
    },
  });
}

/** The path and query of a request target; an absolute form (`GET http://other/ …`) loses its host (RFC 9112 3.2.2). */
export function pathOf(target: string | undefined): string {
  if (target === undefined) return '/';
  if (target.startsWith('/')) return target;
  const url = URL.parse(target);
  // Something like `host:443` parses too, and has no path that begins with a slash.
  return url?.pathname.startsWith('/') === true ? url.pathname + url.search : '/';
}
