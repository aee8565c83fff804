/** Two-step verification with an authenticator app, as an app requests it and when the phone is lost. */
import { strict as assert } from 'node:assert';
import { after, afterEach, before, describe, it } from 'node:test';

import type { JWTPayload } from 'jose';
import type { Page } from 'playwright-core';

import { idClaims, LOGIN } from '../helpers/authorization-flow.ts';
import { alertText, bodyText, heading, openBrowserHarness, type BrowserHarness } from '../helpers/browser-harness.ts';
import { fillSignIn, press, setUpAuthenticator } from '../helpers/browser.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { enrollTotp, removeSecondFactors } from '../helpers/second-factors.ts';

const SECRET = newSecret();
const KEY = 'G2';
const AAL2 = 'urn:kinpass:aal2';
const ESSENTIAL = { claims: JSON.stringify({ id_token: { acr: { essential: true, value: AAL2 } } }) };

describe('two-step verification', () => {
  let harness: BrowserHarness;
  let app: TestParty;
  before(async () => {
    harness = await openBrowserHarness({ clients: [createRegistration('app', SECRET, { scopes: ['openid'] })] });
    app = await createParty(harness.environment.issuer, { id: 'app', scope: 'openid', secret: SECRET });
  });
  afterEach(async () => {
    await removeSecondFactors(harness.environment.service, KEY);
    await harness.closeSessions();
  });
  after(() => harness.close());

  /** Opens an authorization request, does the steps of the person, and returns the claims of the ID token. */
  const authorize = async (
    page: Page,
    parameters: Record<string, string>,
    steps: () => Promise<void>,
  ): Promise<JWTPayload> => {
    const begun = await app.begin(parameters);
    const callback = page.waitForRequest((request) => request.url().startsWith('https://app.example/callback'));
    // Awaited below. If a step fails, its error is the more useful one.
    callback.catch(() => undefined);
    await page.route('https://app.example/**', (route) => route.fulfill({ contentType: 'text/html', body: 'app' }));
    await page.goto(begun.url);
    await steps();
    const leavesTo = new URL((await callback).url());
    return idClaims(await begun.finish({ status: 303, url: '', headers: new Headers(), body: '', leavesTo }));
  };

  it('is requested by an app in a password-only session, and keeps the time of the password', async () => {
    const { page } = await harness.newSession();
    const before = await authorize(page, {}, () => fillSignIn(page, LOGIN[KEY]));
    assert.equal(before['acr'], 'urn:kinpass:aal1');
    const authenticator = await enrollTotp(harness.environment.service, KEY);
    const after = await authorize(page, { acr_values: AAL2 }, async () => {
      assert.equal(await heading(page), '兩步驟驗證');
      assert.equal(await page.locator('[name="password"]').count(), 0);
      await page.fill('[name="code"]', '000000');
      await press(page, '#submit');
      assert.match(await alertText(page), /驗證碼不正確/);
      await page.fill('[name="code"]', authenticator.code());
      await press(page, '#submit');
    });
    assert.deepEqual([after['acr'], after['amr']], [AAL2, ['pwd', 'otp', 'mfa']]);
    assert.equal(after['auth_time'], before['auth_time']);
  });

  it('is set up on the way to an app that requires it, and asked for by the next browser', async () => {
    const { page } = await harness.newSession();
    const claims = await authorize(page, ESSENTIAL, async () => {
      await fillSignIn(page, LOGIN[KEY]);
      await setUpAuthenticator(page);
      assert.equal(await page.locator('[data-recovery-code]').count(), 10);
      await press(page, '#submit');
    });
    assert.equal(claims['acr'], AAL2);
    const next = (await harness.newSession()).page;
    await next.goto(`${harness.environment.issuer}/account`);
    await fillSignIn(next, LOGIN[KEY]);
    assert.equal(await heading(next), '兩步驟驗證');
  });

  it('accepts a recovery code instead of the phone, once, and shows how many are left', async () => {
    const { issuer, service } = harness.environment;
    const [code = ''] = (await enrollTotp(service, KEY)).recoveryCodes;
    const enter = async (): Promise<Page> => {
      const { page } = await harness.newSession();
      await page.goto(`${issuer}/account`);
      await fillSignIn(page, LOGIN[KEY]);
      await press(page, page.getByRole('link', { name: '改用備用碼' }));
      await page.fill('[name="code"]', code.toLowerCase());
      await press(page, '#submit');
      return page;
    };
    const page = await enter();
    assert.equal(await heading(page), '我的帳號');
    await page.goto(`${issuer}/account/second-factors`);
    assert.match(await bodyText(page), /剩餘 9 組備用碼/);
    const again = await enter();
    assert.equal(await heading(again), '兩步驟驗證');
    assert.match(await alertText(again), /備用碼不正確，或已使用過/);
  });
});
