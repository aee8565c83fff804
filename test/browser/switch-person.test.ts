import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, afterEach, before, describe, it } from 'node:test';

import type { Page } from 'playwright-core';

import { LOGIN } from '../helpers/authorization-flow.ts';
import { bodyText, heading, openBrowserHarness, type BrowserHarness } from '../helpers/browser-harness.ts';
import { fillSignIn, press } from '../helpers/browser.ts';
import { freePort } from '../helpers/ports.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';

describe('sign-in of another person in the same browser', () => {
  let harness: BrowserHarness;
  let app: TestParty;
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>app</title>');
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
    harness = await openBrowserHarness({ clients: [client] });
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
