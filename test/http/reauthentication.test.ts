/** A reauthentication (`max_age`) asks for the password only, and keeps "remember me" as the session has it. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { codeOf, errorOf, interactionOf, LOGIN, runAuthorization } from '../helpers/authorization-flow.ts';
import { DAY, freezeTime, HOUR, MINUTE, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, type HttpBrowser } from '../helpers/http-browser.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();

eachService(
  'a reauthentication',
  () => ({ clients: [createRegistration('app', secret, { scopes: ['openid', 'profile'] })] }),
  (running) => {
    let time: FrozenTime;
    let app: TestParty;
    before(async () => {
      time = freezeTime();
      app = await createParty(running().issuer, { id: 'app', scope: 'openid profile', secret });
    });
    after(() => {
      time.release();
    });

    /** @returns when the session cookie expires; undefined for a cookie of the browser session */
    const expiryOf = async ({ jar }: HttpBrowser): Promise<number | undefined> => {
      const cookie = (await jar.getCookies(running().issuer)).find(({ key }) => key === 'kinpass_session');
      assert.ok(cookie);
      return cookie.expires instanceof Date ? cookie.expires.getTime() : undefined;
    };
    const isAlive = async (httpBrowser: HttpBrowser): Promise<boolean> =>
      errorOf((await runAuthorization(app, httpBrowser, { parameters: { prompt: 'none' } })).answer) === undefined;
    /** Signs in, and enters the password again after ten minutes. */
    const enterAgain = async (
      remember: boolean,
      parameters: Record<string, string>,
      fields: Record<string, string>,
    ): Promise<HttpBrowser> => {
      const httpBrowser = createHttpBrowser(running().issuer);
      await runAuthorization(app, httpBrowser, { login: LOGIN.T2, remember });
      time.advance(10 * MINUTE);
      const page = await httpBrowser.open((await app.begin(parameters)).url);
      assert.equal(interactionOf(page), 'login');
      assert.equal(page.body.includes('name="remember"'), 'prompt' in parameters, 'the page asks');
      assert.ok(codeOf(await httpBrowser.submit(page, { password: DEMO_PASSWORD, ...fields })));
      return httpBrowser;
    };

    it('keeps a remembered session for 30 days more', async () => {
      const httpBrowser = await enterAgain(true, { max_age: '60' }, {});
      assert.equal(await expiryOf(httpBrowser), Date.now() + 30 * DAY);
      time.advance(12 * HOUR);
      assert.equal(await isAlive(httpBrowser), true);
    });

    it('does not turn a session of the browser into a remembered one, whatever the form contains', async () => {
      const httpBrowser = await enterAgain(false, { max_age: '60' }, { remember: 'yes' });
      assert.equal(await expiryOf(httpBrowser), undefined);
      time.advance(12 * HOUR);
      assert.equal(await isAlive(httpBrowser), false);
    });

    it('with prompt=login takes the selection of the form', async () => {
      const chosen = { login: LOGIN.T2, remember: 'yes' };
      assert.equal(await expiryOf(await enterAgain(false, { prompt: 'login' }, chosen)), Date.now() + 30 * DAY);
      assert.equal(await expiryOf(await enterAgain(true, { prompt: 'login' }, { login: LOGIN.T2 })), undefined);
    });
  },
);
