/** Consents, tokens and sessions are separate for each app and person, and stay revoked. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import {
  codeOf,
  runAuthorization,
  errorOf,
  LOGIN,
  redeem,
  refresh,
  signInWithNewBrowser,
  interactionOf,
  textIn,
  tokensFor,
  userinfo,
} from '../helpers/authorization-flow.ts';
import { personId } from '../helpers/city.ts';
import { DAY, freezeTime, HOUR, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();
const SCOPES = ['openid', 'profile', 'offline_access'];
const OFFLINE = { scope: SCOPES.join(' '), prompt: 'consent' };
const clients = (): { clients: object[] } => ({
  clients: [
    createRegistration('one', secret, { scopes: SCOPES, first_party: false }),
    createRegistration('two', secret, { scopes: SCOPES, first_party: false }),
    createRegistration('city', secret, { scopes: SCOPES }),
  ],
});

describe('consent and tokens of one app', () => {
  eachService('are separate from those of other apps', clients, (running) => {
    const party = (id: string): Promise<TestParty> =>
      createParty(running().issuer, { id, scope: 'openid profile', secret });
    const agree = async (app: TestParty, httpBrowser: HttpBrowser) => {
      const begun = await runAuthorization(app, httpBrowser, { login: LOGIN.T2, parameters: OFFLINE });
      assert.equal(interactionOf(begun.answer), 'consent');
      return { ...begun, answer: await httpBrowser.submit(begun.answer, { consent: 'accept' }) };
    };

    it('consent to one app does not count for another app', async () => {
      const httpBrowser = createHttpBrowser(running().issuer);
      const [one, two] = [await party('one'), await party('two')];
      codeOf((await agree(one, httpBrowser)).answer);
      codeOf((await runAuthorization(one, httpBrowser)).answer);
      assert.equal(interactionOf((await runAuthorization(two, httpBrowser)).answer), 'consent');
      const silent = await runAuthorization(two, httpBrowser, { parameters: { prompt: 'none' } });
      assert.equal(errorOf(silent.answer), 'consent_required');
      codeOf((await runAuthorization(one, httpBrowser, { parameters: { prompt: 'none' } })).answer);
    });

    it('an app revokes its own tokens and no token of another app (RFC 7009, section 2.1)', async () => {
      const httpBrowser = createHttpBrowser(running().issuer);
      const city = await party('city');
      const { access_token: access, refresh_token: token } = await tokensFor(city, httpBrowser, {
        login: LOGIN.T1,
        parameters: OFFLINE,
      });
      const revoke = (id: string, value: string, hint: string): Promise<Response> =>
        fetch(`${running().issuer}/token/revocation`, {
          method: 'POST',
          body: new URLSearchParams({ token: value, token_type_hint: hint }),
          headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
        });
      for (const [value, hint] of [
        [access, 'access_token'],
        [token ?? '', 'refresh_token'],
        [access, 'refresh_token'],
      ] as const) {
        await revoke('one', value, hint);
        assert.equal((await userinfo(city, access)).status, 200, hint);
      }
      const next = await refresh(city, token);
      assert.equal((await revoke('city', textIn(next, 'refresh_token'), 'refresh_token')).status, 200);
      assert.equal((await refresh(city, textIn(next, 'refresh_token'))).body['error'], 'invalid_grant');
      assert.equal((await userinfo(city, textIn(next, 'access_token'))).status, 401);
    });
  });
});

describe('disabling an account', () => {
  eachService('revokes everything of the account', clients, (running) => {
    it('sessions, codes and tokens stay revoked when the account is enabled again', async () => {
      const city = await createParty(running().issuer, { id: 'city', scope: 'openid profile', secret });
      const { httpBrowser, tokens } = await signInWithNewBrowser(city, { login: LOGIN.A2, parameters: OFFLINE });
      const second = await signInWithNewBrowser(city, { login: LOGIN.A2, remember: true });
      const waiting = await runAuthorization(city, httpBrowser);
      codeOf(waiting.answer);
      const { people } = running().container;
      assert.equal(await people.setStatus(personId('A2'), 'disabled', undefined), true);
      assert.equal(await people.setStatus(personId('A2'), 'active', undefined), true);
      for (const browser of [httpBrowser, second.httpBrowser]) {
        const silent = await runAuthorization(city, browser, { parameters: { prompt: 'none' } });
        assert.equal(errorOf(silent.answer), 'login_required');
        assert.equal(interactionOf(await browser.open('/account')), 'login');
      }
      assert.equal((await redeem(city, waiting)).body['error'], 'invalid_grant');
      assert.equal((await refresh(city, tokens.refresh_token)).body['error'], 'invalid_grant');
      for (const { access_token: access } of [tokens, second.tokens]) {
        assert.equal((await userinfo(city, access)).status, 401);
      }
    });
  });
});

describe('session lifetime', () => {
  const IDLE_HOURS = 10;
  eachService(
    'is checked at every read',
    () => ({ ...clients(), env: { KINPASS_SESSION_IDLE_HOURS: String(IDLE_HOURS) } }),
    (running) => {
      let time: FrozenTime;
      let city: TestParty;
      before(async () => {
        time = freezeTime();
        city = await createParty(running().issuer, { id: 'city', scope: 'openid profile', secret });
      });
      after(() => {
        time.release();
      });
      const cookiesOf = ({ jar }: HttpBrowser): Promise<string> => jar.getCookieString(running().issuer);
      const openWith = (url: string, cookie: string): Promise<Answer> =>
        createHttpBrowser(running().issuer).open(url, { cookie });
      /** Returns if the cookie is valid at an app and on the account page, like in a browser that keeps cookies too long. */
      const isAlive = async (cookie: string): Promise<boolean[]> => {
        const silent = await openWith((await city.begin({ prompt: 'none' })).url, cookie);
        return [errorOf(silent) === undefined, interactionOf(await openWith('/account', cookie)) === undefined];
      };
      /** Returns an access token of the session that is at most ten minutes old. */
      const tokenOf = async (cookie: string): Promise<string> => {
        const begun = await city.begin({ prompt: 'none' });
        return (await begun.finish(await openWith(begun.url, cookie))).access_token;
      };

      it('an idle session expires to the second, at apps and on the account page', async () => {
        const cookies = await cookiesOf(
          (await signInWithNewBrowser(city, { login: LOGIN.T1, remember: true })).httpBrowser,
        );
        for (let use = 0; use < 2; use += 1) {
          time.advance(IDLE_HOURS * HOUR - SECOND);
          assert.deepEqual(await isAlive(cookies), [true, true]);
        }
        time.advance(IDLE_HOURS * HOUR);
        assert.deepEqual(await isAlive(cookies), [false, false]);
      });

      for (const [what, remember, limit] of [
        ['without remember-me', false, 12 * HOUR],
        ['with remember-me', true, 30 * DAY],
      ] as const) {
        it(`a session ${what} in constant use expires with its tokens after ${String(limit / HOUR)} hours`, async () => {
          const cookies = await cookiesOf(
            (await signInWithNewBrowser(city, { login: LOGIN.T1, remember })).httpBrowser,
          );
          for (let used = 6 * HOUR; used < limit; used += 6 * HOUR) {
            time.advance(6 * HOUR);
            assert.deepEqual(await isAlive(cookies), [true, true], String(used / HOUR));
          }
          time.advance(6 * HOUR - SECOND);
          const token = await tokenOf(cookies);
          assert.equal((await userinfo(city, token)).status, 200);
          assert.deepEqual(await isAlive(cookies), [true, true]);
          for (let half = 0; half < 4; half += 1) {
            time.advance(SECOND / 2);
            await isAlive(cookies);
          }
          assert.deepEqual(await isAlive(cookies), [false, false]);
          assert.equal((await userinfo(city, token)).status, 401);
        });
      }
    },
  );
});
