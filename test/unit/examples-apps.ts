/** Both example applications with a test issuer. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { after, before, beforeEach } from 'node:test';
import { createPayment } from '../../examples/payment/server.ts';
import { createPortfolio } from '../../examples/portfolio/server.ts';
import type { RelyingParty } from '../../examples/shared/app.ts';
import { listen, PERMISSIONS, startIssuer, type Issuer } from './examples-issuer.ts';

export interface ExampleApps {
  issuer: Issuer;
  portfolio: RelyingParty;
  payment: RelyingParty;
  /** Milliseconds that the clock of the apps is ahead. */
  skew: number;
}

export interface Init {
  method?: string;
  body?: URLSearchParams;
  headers?: Record<string, string>;
}
export interface Page {
  status: number;
  path: string;
  html: string;
  headers: Headers;
}

export interface AppBrowser {
  open: (path: string, init?: Init) => Promise<Page>;
  signIn: () => Promise<Page>;
}

/** A browser of one application: keeps its cookies and follows redirects through the issuer. */
export function browser(party: RelyingParty): AppBrowser {
  const jar = new Map<string, string>();
  const cookies = (): string => [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  const store = (response: Response): void => {
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      jar.set(name, value);
    }
  };
  async function open(path: string, { headers = {}, ...init }: Init = {}): Promise<Page> {
    let url = new URL(path, party.config.baseUrl);
    let response = await fetch(url, { redirect: 'manual', ...init, headers: { ...headers, cookie: cookies() } });
    store(response);
    for (let hops = 0; response.status === 303 && hops < 6; hops += 1) {
      url = new URL(response.headers.get('location') ?? '', url);
      if (url.pathname === '/end') break;
      response = await fetch(url, {
        redirect: 'manual',
        headers: url.origin === party.config.baseUrl ? { cookie: cookies() } : {},
      });
      if (url.origin === party.config.baseUrl) store(response);
    }
    return {
      status: response.status,
      path: url.pathname + url.search,
      html: await response.text(),
      headers: response.headers,
    };
  }
  return { open, signIn: () => open('/sign-in') };
}
export const childrenShown = (html: string): string[] =>
  [...html.matchAll(/data-child-name="([^"]+)"/g)].map(([, name = '']) => name);
export const post = (body: Record<string, string>, headers: Record<string, string> = {}): Init => ({
  method: 'POST',
  body: new URLSearchParams(body),
  headers,
});

/**
 * Starts the apps before the tests of the file, stops them afterwards, and resets the issuer before each test.
 *
 * @returns a function that returns the apps, for use in tests only
 */
export function useExampleApps(): () => ExampleApps {
  const servers: Server[] = [];
  let apps: ExampleApps | undefined;
  const running = (): ExampleApps => apps ?? assert.fail('the apps have not started');

  /** Listens before it creates the application, so that no other program can take the port. */
  async function serve(issuer: string, clientId: string, create: typeof createPortfolio): Promise<RelyingParty> {
    const server = createServer();
    servers.push(server);
    const port = await listen(server);
    const config = { issuer, clientId, clientSecret: 's', baseUrl: `http://localhost:${port}`, port };
    const party = await create(config, () => Date.now() + running().skew);
    server.on('request', party.handler);
    return party;
  }

  before(async () => {
    const issuer = await startIssuer();
    servers.push(issuer.server);
    const portfolio = await serve(issuer.url, 'portfolio', createPortfolio);
    const payment = await serve(issuer.url, 'payment', createPayment);
    apps = { issuer, portfolio, payment, skew: 0 };
  });
  after(() => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });
  beforeEach(() => {
    running().skew = 0;
    const acting = { role: 'parent', child: 'child-a', ctx: 'ctx-child-a' };
    Object.assign(running().issuer, {
      error: undefined,
      userInfoStatus: 200,
      authAge: 0,
      asked: [],
      permissions: PERMISSIONS,
      acting,
    });
  });
  return running;
}
