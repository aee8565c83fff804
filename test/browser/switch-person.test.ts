import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, afterEach, before, describe, it } from 'node:test';

import type { Page } from 'playwright-core';

import { z } from 'zod';

import { LOGIN } from '../helpers/authorization-flow.ts';
import { BROWSER_APP } from '../helpers/browser-app.ts';
import { bodyText, heading, openBrowserHarness, type BrowserHarness } from '../helpers/browser-harness.ts';
import { fillSignIn, press } from '../helpers/browser.ts';
import { freePort } from '../helpers/ports.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';

const result = z.object({
  status: z.number(),
  challenge: z.string().nullable(),
  body: z.record(z.string(), z.unknown()).or(z.literal('').transform((): Record<string, unknown> => ({}))),
});
const results = z.object({
  first: result,
  claims: result,
  next: result,
  revoked: result,
  ended: result,
  unknown: result,
});

describe('an app of another origin', () => {
  let harness: BrowserHarness;
  let app: TestParty;
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end(BROWSER_APP);
  });
  before(async () => {
    const [secret, port] = [newSecret(), await freePort()];
    const redirectUri = `http://localhost:${String(port)}/callback`;
    await once(server.listen(port, 'localhost'), 'listening');
    const client = createRegistration('app', secret, {
      redirect_uris: [redirectUri],
      sector_identifier_uri: 'https://app.example/redirect-uris.json',
      scopes: ['openid', 'profile'],
    });
    const browserApp = createRegistration('spa', secret, {
      token_endpoint_auth_method: 'none',
      client_secret_sha256: [],
      dpop_bound_access_tokens: true,
      redirect_uris: [`http://localhost:${String(port)}/spa`],
      sector_identifier_uri: 'https://spa.example/redirect-uris.json',
      scopes: ['openid', 'profile', 'offline_access'],
    });
    harness = await openBrowserHarness({ clients: [client, browserApp] });
    app = await createParty(harness.environment.issuer, { id: 'app', secret, scope: 'openid profile', redirectUri });
  });
  afterEach(() => harness.closeSessions());
  after(async () => {
    server.close();
    server.closeAllConnections();
    await harness.close();
  });

  const asTwo = async (page: Page): Promise<void> => {
    await page.goto(`${harness.environment.issuer}/account`);
    await fillSignIn(page, LOGIN.T2);
    assert.equal(await heading(page), '我的帳號');
    await page.goto((await app.begin({ prompt: 'select_account' })).url);
    await fillSignIn(page, LOGIN.S1);
  };

  describe('that signs in another person in the same browser', () => {
    it('succeeds: the intermediate page submits itself', async () => {
      const { page } = await harness.newSession();
      await asTwo(page);
      await page.waitForURL(`${app.redirectUri}?*`);
      await page.goto(`${harness.environment.issuer}/account`);
      assert.match(await bodyText(page), /王小安/);
    });

    it('shows a button without JavaScript', async () => {
      const { page } = await harness.newSession({ javaScriptEnabled: false });
      await asTwo(page);
      assert.equal(await heading(page), '以其他使用者登入');
      await press(page, '#submit');
      await page.waitForURL(`${app.redirectUri}?*`);
    });
  });

  it('gets, refreshes and revokes tokens bound to its key, with fetch in the browser', async () => {
    // Not a session of the harness, which rejects error responses: the script reads them.
    const page = await harness.browser.newPage();
    const { issuer } = harness.environment;
    await page.goto(new URL('/spa', app.redirectUri).href);
    await Promise.all([page.waitForURL(/\/interaction\//), page.evaluate(`start('${issuer}')`)]);
    await fillSignIn(page, LOGIN.T2);
    await page.waitForURL(/\/spa\?code=/);
    const { first, claims, next, revoked, ended, unknown } = results.parse(await page.evaluate(`finish('${issuer}')`));
    assert.deepEqual([first.status, claims.status, next.status, revoked.status], [200, 200, 200, 200]);
    assert.deepEqual([first.body['token_type'], next.body['token_type']], ['DPoP', 'DPoP']);
    assert.equal(claims.body['name'], '林志豪');
    assert.deepEqual([ended.status, ended.body['error']], [400, 'invalid_grant']);
    assert.deepEqual([unknown.status, unknown.body['error']], [401, 'invalid_token']);
    assert.match(unknown.challenge ?? '', /^DPoP .*error="invalid_token"/);
    await page.close();
  });
});
