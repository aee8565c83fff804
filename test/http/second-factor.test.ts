/** The second factor at sign-in, and step-up in a session. */
import assert from 'node:assert/strict';
import { after, afterEach, before, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import {
  codeOf,
  errorOf,
  idClaims,
  interactionOf,
  LOGIN,
  runAuthorization,
  tokensFor,
} from '../helpers/authorization-flow.ts';
import { listAuditEvents, personId, setFirstPassword, setPassword, setStatus } from '../helpers/city.ts';
import { freezeTime, HOUR, MINUTE, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { alertOf, createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import {
  completeSetup,
  createAuthenticator,
  enrollTotp,
  recoveryCodesOn,
  removeSecondFactors,
  secretOn,
} from '../helpers/second-factors.ts';
import { eachService } from '../helpers/service-matrix.ts';

const AAL1 = 'urn:kinpass:aal1';
const AAL2 = 'urn:kinpass:aal2';
const SECRET = newSecret();
const KEY = 'T2';
const LOGIN_NAME = LOGIN[KEY];
const STEP = 30 * SECOND;
let time: FrozenTime;

before(() => {
  time = freezeTime();
});
after(() => {
  time.release();
});

const essential = (...values: string[]): Record<string, string> => ({
  claims: JSON.stringify({ id_token: { acr: { essential: true, values } } }),
});

eachService(
  'a second factor',
  () => ({ clients: [createRegistration('app', SECRET, { scopes: ['openid'] })] }),
  (running) => {
    let app: TestParty;
    before(async () => {
      app = await createParty(running().issuer, { id: 'app', scope: 'openid', secret: SECRET });
    });
    afterEach(async () => {
      time.advance(HOUR);
      await removeSecondFactors(running(), KEY);
      await setPassword(running(), KEY, DEMO_PASSWORD);
      await running().container.people.unlock(personId(KEY));
    });

    const typePassword = async (
      parameters: Record<string, string> = {},
      browser = createHttpBrowser(running().issuer),
    ) => {
      const begun = await runAuthorization(app, browser, { login: LOGIN_NAME, parameters });
      return { answer: begun.answer, browser, begun };
    };
    const sessionCookie = async ({ jar }: HttpBrowser): Promise<string | undefined> =>
      (await jar.getCookies(running().issuer)).find(({ key }) => key.endsWith('kinpass_session'))?.value;
    const tryCode = (browser: HttpBrowser, page: Answer, code: string): Promise<Answer> =>
      browser.submit(page, { code });

    it('is asked for after the password, and no session exists before it', async () => {
      const authenticator = await enrollTotp(running(), KEY);
      const { answer, browser, begun } = await typePassword();
      assert.equal(interactionOf(answer), 'second_factor');
      assert.match(textOf(answer.body), /兩步驟驗證/);
      assert.equal(await sessionCookie(browser), undefined);
      assert.equal(interactionOf(await browser.open('/account')), 'login');
      const wrong = await tryCode(browser, answer, '000000');
      assert.equal(wrong.status, 422);
      assert.match(alertOf(wrong.body), /驗證碼不正確/);
      const claims = idClaims(await begun.finish(await tryCode(browser, wrong, authenticator.code())));
      assert.equal(claims['acr'], AAL2);
      assert.deepEqual(claims['amr'], ['pwd', 'otp', 'mfa']);
      assert.deepEqual((await listAuditEvents(running(), KEY)).slice(-4), [
        'sign_in.second_factor_required',
        'second_factor.failed',
        'sign_in.succeeded',
        'authorization.granted',
      ]);
    });

    it('keeps acr and amr for later requests of the session', async () => {
      const authenticator = await enrollTotp(running(), KEY);
      const { answer, browser } = await typePassword();
      codeOf(await tryCode(browser, answer, authenticator.code()));
      const again = idClaims(await tokensFor(app, browser));
      assert.equal(again['acr'], AAL2);
      assert.deepEqual(again['amr'], ['pwd', 'otp', 'mfa']);
      codeOf((await runAuthorization(app, browser, { parameters: { ...essential(AAL2), prompt: 'none' } })).answer);
    });

    it('works once for each code, also in two parallel sign-ins', async () => {
      const authenticator = await enrollTotp(running(), KEY);
      const both = [await typePassword(), await typePassword()];
      const code = authenticator.code();
      const answers = await Promise.all(both.map(({ browser, answer }) => tryCode(browser, answer, code)));
      assert.deepEqual(answers.map(({ leavesTo, status }) => (leavesTo === undefined ? status : 'in')).sort(), [
        422,
        'in',
      ]);
      const later = await typePassword();
      const replayed = await tryCode(later.browser, later.answer, code);
      assert.match(alertOf(replayed.body), /已使用過/);
      time.advance(STEP);
      codeOf(await tryCode(later.browser, replayed, authenticator.code()));
    });

    it('accepts each recovery code once, also in two parallel sign-ins', async () => {
      const { recoveryCodes } = await enrollTotp(running(), KEY);
      const [code = ''] = recoveryCodes;
      const both = [await typePassword(), await typePassword()];
      const answers = await Promise.all(
        both.map(async ({ browser, answer }) => {
          const page = await browser.open(`${answer.url}?method=recovery_code`);
          assert.match(textOf(page.body), /備用碼/);
          return tryCode(browser, page, code.toLowerCase());
        }),
      );
      assert.deepEqual(answers.map(({ leavesTo, status }) => (leavesTo === undefined ? status : 'in')).sort(), [
        422,
        'in',
      ]);
    });

    it('that is submitted twice by one browser continues once', async () => {
      const authenticator = await enrollTotp(running(), KEY);
      const { browser, answer, begun } = await typePassword();
      const answers = await Promise.all([1, 2].map(() => tryCode(browser, answer, authenticator.code())));
      const entered = answers.filter(({ leavesTo }) => leavesTo !== undefined);
      assert.ok(entered.length >= 1, answers.map(({ status }) => status).join());
      const [first] = entered;
      assert.ok(first);
      assert.equal(idClaims(await begun.finish(first))['acr'], AAL2);
    });

    it('is throttled per person after five wrong codes, across browsers', async () => {
      const authenticator = await enrollTotp(running(), KEY);
      for (let i = 0; i < 5; i += 1) {
        const { browser, answer } = await typePassword();
        assert.equal((await tryCode(browser, answer, '000000')).status, 422);
      }
      const { browser, answer } = await typePassword();
      const refused = await tryCode(browser, answer, authenticator.code());
      assert.equal(refused.status, 429);
      assert.equal(refused.headers.get('retry-after'), '30');
      time.advance(31 * SECOND);
      codeOf(await tryCode(browser, refused, authenticator.code()));
    });

    it('counts each of ten parallel wrong codes', async () => {
      await enrollTotp(running(), KEY);
      const pages = [];
      for (let i = 0; i < 10; i += 1) pages.push(await typePassword());
      const statuses = await Promise.all(
        pages.map(async ({ browser, answer }) => (await tryCode(browser, answer, '000000')).status),
      );
      assert.equal(statuses.filter((status) => status === 422).length, 5);
      assert.equal(statuses.filter((status) => status === 429).length, 5);
    });

    it('of a person whose password changed or whose account was disabled opens nothing', async () => {
      const authenticator = await enrollTotp(running(), KEY);
      const changed = await typePassword();
      await setPassword(running(), KEY, DEMO_PASSWORD);
      assert.equal((await changed.browser.open(changed.answer.url)).status, 410, 'the page itself');
      assert.equal((await tryCode(changed.browser, changed.answer, authenticator.code())).status, 410);
      const disabled = await typePassword();
      await setStatus(running(), KEY, 'disabled');
      assert.equal((await disabled.browser.open(disabled.answer.url)).status, 410, 'the page itself');
      assert.equal((await tryCode(disabled.browser, disabled.answer, authenticator.code())).status, 410);
      await setStatus(running(), KEY, 'active');
      time.advance(STEP);
      const { browser, answer } = await typePassword();
      codeOf(await tryCode(browser, answer, authenticator.code()));
    });

    it('is asked for after a first password too', async () => {
      const authenticator = await enrollTotp(running(), KEY);
      await setFirstPassword(running(), KEY, '100201');
      const browser = createHttpBrowser(running().issuer);
      const begun = await runAuthorization(app, browser, { login: LOGIN_NAME, password: '100201' });
      const { answer } = begun;
      assert.equal(interactionOf(answer), 'new_password');
      const next = 'four small boats at anchor';
      const page = await browser.submit(answer, {
        current_password: '100201',
        new_password: next,
        confirm_password: next,
      });
      assert.equal(interactionOf(page), 'second_factor');
      assert.equal(await sessionCookie(browser), undefined);
      assert.equal(idClaims(await begun.finish(await tryCode(browser, page, authenticator.code())))['acr'], AAL2);
    });

    it('is not accepted from another person', async () => {
      await enrollTotp(running(), KEY);
      const other = await enrollTotp(running(), 'A2');
      const { browser, answer } = await typePassword();
      assert.equal((await tryCode(browser, answer, other.code())).status, 422);
      assert.equal((await tryCode(browser, answer, other.recoveryCodes[0] ?? '')).status, 422);
      await removeSecondFactors(running(), 'A2');
    });

    it('is asked for at a re-authentication, with the password', async () => {
      const authenticator = await enrollTotp(running(), KEY);
      const { browser, answer } = await typePassword();
      codeOf(await tryCode(browser, answer, authenticator.code()));
      time.advance(10 * MINUTE);
      const asked = await runAuthorization(app, browser, { login: LOGIN_NAME, parameters: { max_age: '60' } });
      assert.equal(interactionOf(asked.answer), 'second_factor');
      const claims = idClaims(await asked.finish(await tryCode(browser, asked.answer, authenticator.code())));
      assert.equal(claims['auth_time'], Math.floor(Date.now() / 1000));
    });

    it('is stepped up to without the password, by acr_values and by an essential acr', async () => {
      for (const parameters of [{ acr_values: AAL2 }, { acr_values: `${AAL2} ${AAL1}` }, essential(AAL2)]) {
        const { browser, answer, begun } = await typePassword();
        const before = idClaims(await begun.finish(answer));
        assert.equal(before['acr'], AAL1);
        const authenticator = await enrollTotp(running(), KEY);
        time.advance(2 * MINUTE);
        codeOf((await runAuthorization(app, browser)).answer);
        const stepUp = await runAuthorization(app, browser, { parameters });
        assert.equal(interactionOf(stepUp.answer), 'second_factor');
        const claims = idClaims(await stepUp.finish(await tryCode(browser, stepUp.answer, authenticator.code())));
        assert.equal(claims['acr'], AAL2);
        assert.deepEqual(claims['amr'], ['pwd', 'otp', 'mfa']);
        assert.equal(claims['auth_time'], before['auth_time'], 'the password was not asked for');
        await removeSecondFactors(running(), KEY);
      }
    });

    it('is not required by acr_values of a person without one, or with prompt=none', async () => {
      const { browser, answer, begun } = await typePassword({ acr_values: AAL2 });
      assert.equal(idClaims(await begun.finish(answer))['acr'], AAL1);
      await enrollTotp(running(), KEY);
      const silent = await runAuthorization(app, browser, { parameters: { acr_values: AAL2, prompt: 'none' } });
      assert.equal(idClaims(await silent.finish(silent.answer))['acr'], AAL1);
      const required = await runAuthorization(app, browser, { parameters: { ...essential(AAL2), prompt: 'none' } });
      assert.equal(errorOf(required.answer), 'login_required');
      const any = await runAuthorization(app, browser, { parameters: { ...essential(AAL1, AAL2), prompt: 'none' } });
      codeOf(any.answer);
    });

    it('is enrolled when an essential acr requires it and the person has none', async () => {
      const { browser, answer, begun } = await typePassword(essential(AAL2));
      assert.equal(interactionOf(answer), 'second_factor');
      const wrong = await tryCode(browser, answer, '000000');
      assert.equal(wrong.status, 422);
      assert.equal(secretOn(wrong), secretOn(answer));
      const shown = await tryCode(browser, wrong, codeFor(wrong));
      assert.equal(recoveryCodesOn(shown).length, 10);
      const claims = idClaims(await begun.finish(await browser.submit(shown, { saved: 'yes' })));
      assert.equal(claims['acr'], AAL2);
      assert.equal((await browser.submit(shown, { saved: 'yes' })).status, 410, 'a repeated form');
      const next = await typePassword();
      assert.equal(interactionOf(next.answer), 'second_factor');
      codeOf(await tryCode(next.browser, next.answer, recoveryCodesOn(shown)[9] ?? ''));
    });

    it('is enrolled after a recent sign-in only', async () => {
      const { browser, answer } = await typePassword();
      codeOf(answer);
      time.advance(6 * MINUTE);
      const asked = await runAuthorization(app, browser, { parameters: essential(AAL2) });
      assert.equal(interactionOf(asked.answer), 'login');
      const setup = await browser.submit(asked.answer, { password: DEMO_PASSWORD });
      const { answer: entered } = await completeSetup(browser, setup);
      assert.equal(idClaims(await asked.finish(entered))['acr'], AAL2);
    });

    it('cannot be added by an enrollment that began before the person had one', async () => {
      const early = await typePassword(essential(AAL2));
      const shown = await tryCode(early.browser, early.answer, codeFor(early.answer));
      await enrollTotp(running(), KEY);
      assert.equal((await early.browser.submit(shown, { saved: 'yes' })).status, 410);
      assert.equal(interactionOf(await early.browser.open(early.answer.url)), 'second_factor');
    });

    it('cannot be enrolled with the setup of another person', async () => {
      const [mine, theirs] = [
        await typePassword(essential(AAL2)),
        await runAuthorization(app, createHttpBrowser(running().issuer), {
          login: LOGIN.A2,
          parameters: essential(AAL2),
        }),
      ];
      const setup = /name="setup" value="([^"]+)"/.exec(theirs.answer.body)?.[1] ?? '';
      const answer = await mine.browser.submit(mine.answer, { setup, code: codeFor(theirs.answer) });
      assert.equal(answer.status, 410);
    });
  },
);

/** The code of the secret that a setup page shows. */
function codeFor(page: Answer): string {
  return createAuthenticator(secretOn(page)).code();
}
