/** Passkeys in Chromium, with its virtual authenticator. */
import { strict as assert } from 'node:assert';
import { after, afterEach, before, describe, it } from 'node:test';

import type { CDPSession, Page } from 'playwright-core';

import { LOGIN } from '../helpers/authorization-flow.ts';
import { openBrowserHarness, type BrowserHarness } from '../helpers/browser-harness.ts';
import { fillSignIn, press } from '../helpers/browser.ts';
import { listAuditEvents, personId } from '../helpers/city.ts';
import { idClaims } from '../helpers/authorization-flow.ts';
import { createParty, createRegistration, newSecret } from '../helpers/relying-party.ts';
import { removeSecondFactors } from '../helpers/second-factors.ts';

const SECRET = newSecret();
const KEY = 'A2';

/**
 * Runs in each page. A person who ignores the autofill: conditional requests wait until the page aborts them. Without this, the
 * virtual authenticator answers them at once. A browser rejects a second request while one is pending.
 */
const IGNORE_AUTOFILL = `
  const { credentials } = navigator;
  const get = credentials?.get.bind(credentials);
  // An error page of the browser has no credentials.
  if (credentials) credentials.get = (options) => {
    const { dataset } = document.documentElement;
    if (dataset.autofill === 'pending') return Promise.reject(new Error('the autofill is pending'));
    if (options.mediation !== 'conditional') return get(options);
    dataset.autofill = 'pending';
    return new Promise((_, reject) => options.signal.addEventListener('abort', () => {
      dataset.autofill = 'aborted';
      reject(options.signal.reason);
    }));
  };`;

/**
 * Runs in each page. A browser that is slow to report support of the autofill: the question of the page waits for `answers[0]`, and
 * that of the library for `answers[1]`. The request of the button waits for `touch`.
 */
const SLOW_BROWSER = `if (navigator.credentials) {
  const { credentials } = navigator;
  const get = credentials.get.bind(credentials);
  const [first, later, touch] = [0, 1, 2].map(() => Promise.withResolvers());
  Object.assign(globalThis, { answers: [first, later], touch });
  let questions = 0;
  PublicKeyCredential.isConditionalMediationAvailable = () => {
    const { dataset } = document.documentElement;
    dataset.questions = questions += 1;
    return (questions === 1 ? first : later).promise;
  };
  credentials.get = async (options) => {
    if (options.mediation === 'conditional') return get(options);
    document.documentElement.dataset.button = 'pending';
    await touch.promise;
    return get(options);
  };
}`;

describe('passkeys', () => {
  let harness: BrowserHarness;
  before(async () => {
    harness = await openBrowserHarness({ clients: [createRegistration('app', SECRET, { scopes: ['openid'] })] });
  });
  afterEach(async () => {
    await removeSecondFactors(harness.environment.service, KEY);
    await harness.closeSessions();
  });
  after(() => harness.close());

  /** A page whose browser has an authenticator that verifies the person. */
  const newPage = async (isUserVerified = true): Promise<{ page: Page; cdp: CDPSession; authenticatorId: string }> => {
    const { page, context } = await harness.newSession();
    const cdp = await context.newCDPSession(page);
    await cdp.send('WebAuthn.enable');
    const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        ...{ protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true },
        ...{ isUserVerified, automaticPresenceSimulation: true },
      },
    });
    return { page, cdp, authenticatorId };
  };
  /** Adds a passkey on the account page, and signs out of the browser. */
  const enroll = async (page: Page): Promise<void> => {
    const { issuer } = harness.environment;
    await page.goto(`${issuer}/account`);
    await fillSignIn(page, LOGIN[KEY]);
    await page.goto(`${issuer}/account/second-factors/totp`);
    await page.click('[data-passkey="create"] [data-passkey-start]');
    await page.waitForSelector('[data-recovery-code]');
    assert.equal(await page.locator('[data-recovery-code]').count(), 10);
    await press(page, '#submit');
    assert.equal(await page.locator('[data-second-factor="passkey"]').count(), 1);
    await page.context().clearCookies();
  };

  it('are enrolled on the account page, and sign in without a password at aal2', async () => {
    const { issuer, service } = harness.environment;
    const app = await createParty(issuer, { id: 'app', scope: 'openid', secret: SECRET });
    const { page } = await newPage();
    await enroll(page);
    await page.addInitScript(IGNORE_AUTOFILL);
    const begun = await app.begin();
    await page.goto(begun.url);
    assert.equal(await page.getAttribute('[name="login"]', 'autocomplete'), 'username webauthn');
    await page.waitForSelector('[data-autofill="pending"]');
    const left = page.waitForRequest((request) => request.url().startsWith('https://app.example/callback'));
    await page.click('[data-passkey="sign-in"] [data-passkey-start]');
    const leavesTo = new URL((await left).url());
    const tokens = await begun.finish({ status: 303, url: '', headers: new Headers(), body: '', leavesTo });
    const claims = idClaims(tokens);
    assert.equal(claims['acr'], 'urn:kinpass:aal2');
    assert.deepEqual(claims['amr'], ['hwk', 'user', 'mfa']);
    assert.ok((await listAuditEvents(service, KEY)).slice(-2).includes('sign_in.succeeded'));
  });

  it('sign in by the autofill of the login field', async () => {
    const { issuer } = harness.environment;
    const { page } = await newPage();
    await enroll(page);
    await page.goto(`${issuer}/account`);
    await page.waitForURL(`${issuer}/account`);
    assert.equal(await page.locator('#about').count(), 1);
  });

  for (const isSending of [false, true]) {
    it(`sign in by the button while the autofill is ${isSending ? 'being sent' : 'not yet sent'}`, async () => {
      const { issuer } = harness.environment;
      const { page } = await newPage();
      await enroll(page);
      await page.addInitScript(IGNORE_AUTOFILL);
      await page.addInitScript(SLOW_BROWSER);
      await page.goto(`${issuer}/account`);
      await page.waitForSelector('[data-questions="1"]');
      if (isSending) {
        await page.evaluate('answers[0].resolve(true)');
        await page.waitForSelector('[data-questions]:not([data-questions="1"])');
      }
      await page.click('[data-passkey="sign-in"] [data-passkey-start]');
      if (!isSending) await page.waitForSelector('[data-button="pending"]');
      await page.evaluate('for (const answer of answers) answer.resolve(true)');
      await page.waitForSelector('[data-button="pending"]');
      await page.evaluate('touch.resolve()');
      await page.waitForSelector('#about, [data-passkey-error]:visible');
      assert.equal(await page.locator('#about').count(), 1);
    });
  }

  it('are accepted as the second factor after the password, also of a person without an app', async () => {
    const { issuer } = harness.environment;
    const { page } = await newPage();
    await enroll(page);
    await page.addInitScript(IGNORE_AUTOFILL);
    await page.goto(`${issuer}/account`);
    await fillSignIn(page, LOGIN[KEY]);
    assert.equal(await page.locator('[data-passkey="verify"]').isVisible(), true);
    await page.click('[data-passkey="verify"] [data-passkey-start]');
    await page.waitForSelector('#about');
  });

  it('without user verification, or from a replayed response, are refused', async () => {
    const { issuer, service } = harness.environment;
    const { page, cdp, authenticatorId } = await newPage();
    await enroll(page);
    const posted = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/login'));
    await page.goto(`${issuer}/account`);
    await page.waitForSelector('#about');
    const request = await posted;
    const sent = new URLSearchParams(request.postData() ?? '');
    const response = sent.get('passkey') ?? '';
    assert.ok(response.length > 100);
    const verify = (interaction: string): ReturnType<typeof service.container.secondFactors.passkeys.verify> =>
      service.container.secondFactors.passkeys.verify({
        ...{ response, interaction, personId: personId(KEY), credentialVersion: undefined },
        ...{ isSignIn: true, address: '', clientId: 'app' },
      });
    assert.deepEqual(await verify('another interaction'), { kind: 'wrong' });
    const [, interaction = ''] = /interaction\/([\w-]+)\/login/.exec(request.url()) ?? [];
    assert.deepEqual(await verify(interaction), { kind: 'wrong' });
    await page.context().clearCookies();
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
    await page.goto(`${issuer}/account`);
    await page.click('[data-passkey="sign-in"] [data-passkey-start]');
    await page.waitForSelector('[data-passkey-error]:visible');
    assert.equal(await page.locator('#about').count(), 0);
  });
});
