/** OAuth 2.0 Form Post Response Mode with a strict CSP. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';

import * as client from 'openid-client';
import type { Browser } from 'playwright-core';

import { LOGIN } from '../helpers/authorization-flow.ts';
import { fillSignIn, openBrowser } from '../helpers/browser.ts';
import { createHttpBrowser, formOf } from '../helpers/http-browser.ts';
import { freePort } from '../helpers/ports.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const secret = newSecret();
const FORM_POST = { response_mode: 'form_post' };
let service: TestService;
let browser: Browser;
let app: TestParty;
let receiver: Server;
let came: { method: string; contentType: string; form: URLSearchParams; referrer: string }[] = [];

before(async () => {
  const port = await freePort();
  const redirectUri = `http://localhost:${String(port)}/callback`;
  receiver = createServer((request, response) => {
    void text(request).then((body) => {
      if (request.url === '/callback') {
        came.push({
          method: request.method ?? '',
          contentType: request.headers['content-type'] ?? '',
          form: new URLSearchParams(body),
          referrer: request.headers.referer ?? '',
        });
      }
      response.setHeader('content-type', 'text/html').end('<title>back</title>');
    });
  });
  receiver.listen(port, 'localhost');
  // Nothing else may keep this process alive if the service does not start.
  receiver.unref();
  await once(receiver, 'listening');
  service = await startService({
    clients: [
      createRegistration('app', secret, {
        scopes: ['openid'],
        redirect_uris: [redirectUri],
        sector_identifier_uri: 'https://app.example/callbacks.json',
      }),
    ],
  });
  app = await createParty(service.issuer, { id: 'app', scope: 'openid', secret, redirectUri });
  browser = await openBrowser();
});
after(async () => {
  await service.stop();
  await browser.close();
});

describe('response_mode=form_post', () => {
  it('sends the code to the app in a real browser, and no parameter in a URL', async () => {
    came = [];
    const begun = await app.begin(FORM_POST);
    const page = await browser.newPage();
    const refused: string[] = [];
    page.on('console', (message) => refused.push(message.text()));
    await page.goto(begun.url);
    await fillSignIn(page, LOGIN.T2);
    await page.waitForURL(app.redirectUri);
    assert.equal(await page.title(), 'back');
    assert.deepEqual(refused, [], 'no CSP violations');
    const [answer] = came;
    assert.ok(answer);
    assert.deepEqual([answer.method, answer.contentType], ['POST', 'application/x-www-form-urlencoded']);
    assert.deepEqual([...answer.form.keys()].sort(), ['code', 'iss', 'state']);
    assert.equal(answer.form.get('iss'), service.issuer);
    assert.equal(answer.referrer, '', 'no referrer is sent to the app');
    const request = new Request(app.redirectUri, { method: 'POST', body: answer.form });
    const sent = new URL(begun.url).searchParams;
    const tokens = await client.authorizationCodeGrant(app.config, request, {
      pkceCodeVerifier: begun.verifier,
      expectedState: sent.get('state') ?? '',
      expectedNonce: sent.get('nonce') ?? '',
    });
    assert.equal(tokens.claims()?.aud, 'app');
    await page.close();
  });

  it('sends errors with iss and state', async () => {
    came = [];
    const begun = await app.begin({ ...FORM_POST, prompt: 'none' });
    const page = await browser.newPage();
    await page.goto(begun.url);
    await page.waitForURL(app.redirectUri);
    const [answer] = came;
    assert.equal(answer?.form.get('error'), 'login_required');
    assert.equal(answer.form.get('iss'), service.issuer);
    assert.equal(answer.form.get('state'), new URL(begun.url).searchParams.get('state'));
    await page.close();
  });

  it('allows the script of its page by its hash, and no other', async () => {
    const answer = await createHttpBrowser(service.issuer).open(
      (await app.begin({ ...FORM_POST, prompt: 'none' })).url,
    );
    const script = /<script>([\s\S]*?)<\/script>/.exec(answer.body)?.[1] ?? '';
    const hash = createHash('sha256').update(script).digest('base64');
    const csp = answer.headers.get('content-security-policy') ?? '';
    const directive = csp.split(';').find((part) => part.trim().startsWith('script-src'));
    assert.equal(directive?.trim(), `script-src 'self' 'sha256-${hash}'`);
    assert.match(csp, /default-src 'none'/);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
  });

  it('works without JavaScript by a button, and escapes state', async () => {
    const state = '"><script>alert(1)</script>&amp;';
    const answer = await createHttpBrowser(service.issuer).open(
      (await app.begin({ ...FORM_POST, prompt: 'none', state })).url,
    );
    assert.match(answer.body, /<noscript>[\s\S]*<button[^>]*type="submit"/);
    assert.equal(answer.body.includes('alert(1)</script>'), false);
    assert.equal(formOf(answer.body).action, app.redirectUri);
  });

  it('is in discovery; fragment and unknown modes are rejected', async () => {
    const modes = app.config.serverMetadata().response_modes_supported ?? [];
    assert.ok(modes.includes('form_post') && modes.includes('query'));
    const answer = await createHttpBrowser(service.issuer).open((await app.begin({ response_mode: 'smoke' })).url);
    assert.equal(answer.leavesTo?.searchParams.get('error'), 'unsupported_response_mode');
  });
});
