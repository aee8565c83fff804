/** Clients of npm, with the registrations and programs of docs/known-clients.md. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { after, before, describe, it } from 'node:test';

import type { Browser } from 'playwright-core';
import { z } from 'zod';
import * as authJs from '../../docs/clients/auth-js.ts';
import * as expressOpenidConnect from '../../docs/clients/express-openid-connect.ts';
import * as openidClient5 from '../../docs/clients/openid-client-5.ts';
import * as openidClient6 from '../../docs/clients/openid-client-6.ts';
import * as passportOpenidconnect from '../../docs/clients/passport-openidconnect.ts';
import type { Settings } from '../../docs/clients/settings.ts';
import * as simpleOauth2 from '../../docs/clients/simple-oauth2.ts';
import { interactionOf, LOGIN } from '../helpers/authorization-flow.ts';
import { freezeTime, MINUTE, type FrozenTime } from '../helpers/frozen-time.ts';
import type { Answer } from '../helpers/http-browser.ts';
import { freePort } from '../helpers/ports.ts';
import { startService, type TestService } from '../helpers/service.ts';
import { fillSignIn, openBrowser, press } from '../helpers/browser.ts';
import { startAppAuth } from './appauth.ts';
import { serveBrowserApp } from './browser-app.ts';
import { readRegistration, type KnownClient } from './registration.ts';
import { createVisitor, PERSON, type Visitor } from './visitor.ts';

type Press = (visitor: Visitor) => Promise<Answer>;

/** An app with a server. `/` shows claims, or null without a session. */
interface ServerApp extends KnownClient {
  createApp(settings: Settings): RequestListener | Promise<RequestListener>;
  /** Default: links to /login, /refresh and /logout. */
  signIn?: Press;
  refresh?: Press;
  signOut?: Press;
}

/** Longer than the life of an access token. */
const EXPIRY_MS = 11 * MINUTE;

async function newClient(id: string): Promise<KnownClient> {
  return { id, secret: randomBytes(32).toString('hex'), baseUrl: `http://localhost:${await freePort()}` };
}

const authJsClient = await newClient('auth-js');

/** Auth.js takes its own forms only, which have a token. */
async function postToAuthJs(visitor: Visitor, action: string, callbackUrl: string): Promise<Answer> {
  const { body } = await visitor.open(`${authJsClient.baseUrl}/auth/csrf`);
  const { csrfToken } = z.object({ csrfToken: z.string() }).parse(JSON.parse(body));
  return visitor.post(`${authJsClient.baseUrl}/auth/${action}`, { csrfToken, callbackUrl });
}

const apps: ServerApp[] = [
  { ...(await newClient('passport-openidconnect')), ...passportOpenidconnect },
  { ...(await newClient('express-openid-connect')), ...expressOpenidConnect },
  {
    ...{ ...authJsClient, ...authJs },
    signIn: (visitor) => postToAuthJs(visitor, 'signin/kinpass', '/'),
    // It refreshes when the access token has expired.
    refresh: (visitor) => visitor.open(`${authJsClient.baseUrl}/`),
    signOut: (visitor) => postToAuthJs(visitor, 'signout', '/signed-out'),
  },
  { ...(await newClient('openid-client-5')), ...openidClient5 },
  { ...(await newClient('openid-client-6')), ...openidClient6 },
  { ...(await newClient('simple-oauth2')), ...simpleOauth2 },
];
const appAuth = await newClient('appauth');
const browserApps = [await newClient('oidc-client-ts'), await newClient('oidc-client-ts-dpop')];

let service: TestService;
let time: FrozenTime;
const servers: Server[] = [];

async function listen(app: ServerApp): Promise<void> {
  const { issuer } = service;
  const { id: clientId, secret: clientSecret, baseUrl } = app;
  const server = createServer(await app.createApp({ issuer, clientId, clientSecret, baseUrl }));
  servers.push(server);
  server.listen(Number(new URL(baseUrl).port), 'localhost');
  await once(server, 'listening');
}

before(async () => {
  time = freezeTime(Date.now());
  service = await startService({ clients: [...apps, appAuth, ...browserApps].map(readRegistration) });
  await Promise.all(apps.map(listen));
  for (const app of browserApps) servers.push(await serveBrowserApp(service.issuer, app));
});
after(async () => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  await service.stop();
  time.release();
});

/** passport-openidconnect and Auth.js have own names for claims. */
const shown = z
  .looseObject({ claims: z.looseObject({}).optional() })
  .transform(({ claims, ...own }) => claims ?? own)
  .transform((claims) => ({
    name: claims['name'] ?? claims['displayName'],
    preferred_username: claims['preferred_username'] ?? claims['username'],
  }));

function assertShowsPerson({ status, body }: Answer): void {
  assert.equal(status, 200, body);
  assert.deepEqual(shown.parse(JSON.parse(body)), PERSON);
}

// They run first, because Chromium has the clock of the machine.
describe('in Chromium', () => {
  let browser: Browser;
  before(async () => {
    browser = await openBrowser();
  });
  after(() => browser.close());

  for (const { id, baseUrl } of browserApps) {
    it(`${id}: signs in, reads claims, refreshes and signs out`, async () => {
      const page = await (await browser.newContext()).newPage();
      const shows = (text: string): Promise<void> => page.locator('#person').filter({ hasText: text }).waitFor();
      await page.goto(baseUrl);
      await press(page, '#sign-in');
      await fillSignIn(page, LOGIN.T2);
      await press(page, '#submit');
      await shows(`"name":"${PERSON.name}"`);
      await shows(`"preferred_username":"${PERSON.preferred_username}"`);

      const refreshed = page.waitForResponse((response) => response.url().endsWith('/token'));
      await page.click('#refresh');
      assert.equal((await refreshed).status(), 200);
      assert.match((await refreshed).request().postData() ?? '', /^grant_type=refresh_token&/);
      await shows(`"name":"${PERSON.name}"`);

      await press(page, '#sign-out');
      await press(page, '#submit');
      assert.equal(page.url(), `${baseUrl}/`);
      await shows('null');
      await press(page, '#sign-in');
      await page.locator('[name="password"]').waitFor();
    });
  }
});

for (const app of apps) {
  const { id, baseUrl } = app;
  const link =
    (path: string): Press =>
    (visitor) =>
      visitor.open(`${baseUrl}${path}`);
  const { signIn = link('/login'), refresh = link('/refresh'), signOut = link('/logout') } = app;

  it(`${id}: signs in, reads claims, refreshes and signs out`, async () => {
    const visitor = createVisitor(service.issuer);
    assertShowsPerson(await visitor.completeSignIn(await signIn(visitor)));

    time.advance(EXPIRY_MS);
    // Two tabs at once, with the same refresh token.
    for (const page of await Promise.all([refresh(visitor), refresh(visitor)])) assertShowsPerson(page);

    const end = await visitor.completeSignOut(await signOut(visitor));
    assert.deepEqual([end.url, end.body], [`${baseUrl}/`, 'null']);
    assert.equal(interactionOf(await signIn(visitor)), 'login', 'the session of the service has ended');
  });
}

it('appauth: signs in, reads claims, refreshes and revokes', async (t) => {
  t.mock.method(console, 'log', () => undefined);
  const desktop = await startAppAuth(service.issuer, appAuth);
  const { program } = desktop;
  try {
    const visitor = createVisitor(service.issuer);
    const signedIn = program.signIn();
    const page = await visitor.completeSignIn(await visitor.open(await desktop.openedUrl()));
    assert.equal(page.body, 'Close your browser to continue');
    const first = await signedIn;
    assert.deepEqual(await desktop.readClaims(first), PERSON);
    const next = await program.refresh(first.refreshToken ?? '');
    assert.deepEqual(await desktop.readClaims(next), PERSON);
    assert.equal(await program.signOut(next.refreshToken ?? ''), true);
    await assert.rejects(program.refresh(next.refreshToken ?? ''));
    await assert.rejects(desktop.readClaims(next));
  } finally {
    desktop.stop();
  }
});
