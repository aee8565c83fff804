/** Passkeys over HTTP, with an authenticator in software: enrollment, sign-in, second factor, and what is refused. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import {
  idClaims,
  interactionOf,
  LOGIN,
  redeem,
  runAuthorization,
  type AuthorizationResult,
} from '../helpers/authorization-flow.ts';
import { listAuditEvents, setFirstPassword, setPassword, setStatus, signInToAccount } from '../helpers/city.ts';
import { alertOf, createHttpBrowser, type HttpBrowser } from '../helpers/http-browser.ts';
import {
  addPasskey,
  createSoftwareAuthenticator,
  passkeyOptions,
  submitPasskey,
  type SoftwareAuthenticator,
} from '../helpers/passkeys.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const SECRET = newSecret();

eachService(
  'passkeys',
  () => ({ clients: [createRegistration('app', SECRET, { scopes: ['openid'] })] }),
  (running) => {
    let app: TestParty;
    let passkey: SoftwareAuthenticator;
    let foreign: SoftwareAuthenticator;
    before(async () => {
      const { issuer } = running();
      app = await createParty(issuer, { id: 'app', scope: 'openid', secret: SECRET });
      passkey = createSoftwareAuthenticator(issuer);
      foreign = createSoftwareAuthenticator(issuer);
      for (const [login, authenticator] of [
        [LOGIN.G2, passkey],
        [LOGIN.G4, foreign],
      ] as const) {
        const { httpBrowser } = await signInToAccount(running(), login);
        const added = await addPasskey(httpBrowser, authenticator);
        assert.match(added.body, /data-second-factor="passkey"/);
      }
    });
    const newBrowser = (): HttpBrowser => createHttpBrowser(running().issuer);
    /** Opens the sign-in page of the app, and lets the authenticator sign its challenge. */
    const begin = async (browser: HttpBrowser, authenticator: SoftwareAuthenticator) => {
      const begun = await runAuthorization(app, browser);
      return { begun, response: authenticator.get(await passkeyOptions(browser, begun.answer)) };
    };
    const sessionOf = (browser: HttpBrowser): Promise<boolean> =>
      browser.open('/account').then((page) => interactionOf(page) === undefined);

    it('sign in without a password at aal2, with the methods of RFC 8176', async () => {
      const browser = newBrowser();
      const { begun, response } = await begin(browser, passkey);
      const answer = await submitPasskey(browser, begun.answer, response);
      const entered: AuthorizationResult = { ...begun, answer };
      const claims = idClaims((await redeem(app, entered)).body);
      assert.deepEqual([claims['acr'], claims['amr']], ['urn:kinpass:aal2', ['hwk', 'user', 'mfa']]);
      assert.equal(await sessionOf(browser), true);
    });

    it('are the second factor of a password', async () => {
      const browser = newBrowser();
      const page = (await runAuthorization(app, browser, { login: LOGIN.G2 })).answer;
      assert.equal(interactionOf(page), 'second_factor');
      const wrong = await submitPasskey(browser, page, foreign.get(await passkeyOptions(browser, page)));
      assert.equal(wrong.status, 422);
      assert.notEqual(alertOf(wrong.body), '');
      const answer = await submitPasskey(browser, page, passkey.get(await passkeyOptions(browser, page)));
      assert.ok(answer.leavesTo?.searchParams.has('code'));
    });

    it('are refused for another page, without verification of the person, and when unknown', async () => {
      const { issuer } = running();
      const [browser, other] = [newBrowser(), newBrowser()];
      const { begun } = await begin(browser, passkey);
      const stolen = await begin(other, passkey);
      const unknown = createSoftwareAuthenticator(issuer);
      const optionsOf = (): Promise<string> => passkeyOptions(browser, begun.answer);
      for (const response of [
        stolen.response,
        passkey.get(await optionsOf(), false),
        unknown.get(await optionsOf()),
        '{}',
        '{"id":"\\u0000","rawId":"","type":"public-key","response":{"clientDataJSON":"","authenticatorData":"","signature":""}}',
      ]) {
        const answer = await submitPasskey(browser, begun.answer, response);
        assert.equal(answer.status, 422, response);
      }
      assert.equal(await sessionOf(browser), false);
    });

    it('open one session with one response that is sent twice at once', async () => {
      const browser = newBrowser();
      const { begun, response } = await begin(browser, passkey);
      const before = (await listAuditEvents(running(), 'G2')).length;
      const answers = await Promise.all([1, 2].map(() => submitPasskey(browser, begun.answer, response)));
      const codes = new Set(answers.map(({ leavesTo }) => leavesTo?.searchParams.get('code') ?? undefined));
      codes.delete(undefined);
      assert.equal(codes.size, 1);
      for (const { status } of answers) assert.ok(status < 500);
      const events = (await listAuditEvents(running(), 'G2')).slice(before);
      assert.equal(events.filter((event) => event === 'sign_in.succeeded').length, 1);
    });

    it('open nothing after the account was disabled between the page and the response', async () => {
      const browser = newBrowser();
      const { begun, response } = await begin(browser, passkey);
      const second = newBrowser();
      const page = (await runAuthorization(app, second, { login: LOGIN.G2 })).answer;
      const late = passkey.get(await passkeyOptions(second, page));
      await setStatus(running(), 'G2', 'disabled');
      for (const [who, answer] of [
        [browser, await submitPasskey(browser, begun.answer, response)],
        [second, await submitPasskey(second, page, late)],
      ] as const) {
        assert.ok(answer.status >= 400 && answer.status < 500, String(answer.status));
        assert.equal(answer.leavesTo, undefined);
        assert.equal(await sessionOf(who), false);
      }
      await setStatus(running(), 'G2', 'active');
    });

    it('open nothing while the person has a first password or one-time code', async () => {
      const browser = newBrowser();
      const { begun, response } = await begin(browser, passkey);
      await setFirstPassword(running(), 'G2', 'A12345');
      for (const sent of [response, passkey.get(await passkeyOptions(browser, begun.answer))]) {
        const answer = await submitPasskey(browser, begun.answer, sent);
        assert.equal(answer.status, 422);
        assert.match(alertOf(answer.body), /學校提供的一次性登入碼或預設密碼/);
        assert.equal(await sessionOf(browser), false);
      }
      assert.equal((await listAuditEvents(running(), 'G2')).at(-1), 'second_factor.failed');
      await setPassword(running(), 'G2', DEMO_PASSWORD);
      const next = await submitPasskey(browser, begun.answer, passkey.get(await passkeyOptions(browser, begun.answer)));
      assert.ok(next.leavesTo?.searchParams.has('code'), next.url);
    });

    // Last, because it uses up the entries of this person.
    it('that fail again and again have few audit entries, and the right one still signs in', async () => {
      const browser = newBrowser();
      const { begun } = await begin(browser, passkey);
      const wrong = passkey.get(await passkeyOptions(browser, begun.answer), false);
      const before = (await listAuditEvents(running(), 'G2')).length;
      for (let i = 0; i < 30; i += 1) assert.equal((await submitPasskey(browser, begun.answer, wrong)).status, 422);
      const events = (await listAuditEvents(running(), 'G2')).slice(before);
      assert.ok(events.length <= 20, String(events.length));
      const right = passkey.get(await passkeyOptions(browser, begun.answer));
      assert.ok((await submitPasskey(browser, begun.answer, right)).leavesTo?.searchParams.has('code'));
    });
  },
);
