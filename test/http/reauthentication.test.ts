/** A reauthentication (`max_age`) asks for the password only, and keeps "remember me" as the session has it. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { codeOf, errorOf, interactionOf, LOGIN, runAuthorization } from '../helpers/authorization-flow.ts';
import { DAY, freezeTime, HOUR, MINUTE, type FrozenTime } from '../helpers/frozen-time.ts';
import { alertOf, createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
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

    it('names the action, speaks of no first password, and links to the reset form', async () => {
      const httpBrowser = createHttpBrowser(running().issuer);
      await runAuthorization(app, httpBrowser, { login: LOGIN.T2 });
      time.advance(10 * MINUTE);
      const page = await httpBrowser.open((await app.begin({ max_age: '60' })).url);
      assert.ok(textOf(page.body).includes('為確認是您本人，「測試 app」請您再輸入一次密碼。'));
      let refused = page;
      for (let failures = 1; failures <= 4; failures += 1) {
        refused = await httpBrowser.submit(refused, { password: 'a wrong password' });
        const isWarned = alertOf(refused.body).includes('再輸入錯誤一次，須等候 30 秒才能再試。');
        assert.equal(isWarned, failures === 4, String(failures));
      }
      assert.ok(alertOf(refused.body).startsWith('密碼不正確。'));
      assert.match(refused.body, /「<a href="[^"]*\/forgot-password">忘記密碼<\/a>」/);
      assert.ok(!alertOf(refused.body).includes('身分證'));
      const contacts = await httpBrowser.open('/account/contacts');
      assert.ok(textOf(contacts.body).includes('變更聯絡資料或帳號前，請再輸入一次密碼。'));
    });

    it('answers a rejected form with a redirect, so reloading sends nothing again', async () => {
      const httpBrowser = createHttpBrowser(running().issuer);
      const page = await httpBrowser.open((await app.begin()).url);
      const refused = await httpBrowser.submit(page, {
        login: 'Xiu.Lin@parents.example',
        password: 'a wrong password',
      });
      assert.equal(refused.url, page.url);
      const isRefused = ({ status, body }: Answer): boolean =>
        status === 422 && body.includes('value="Xiu.Lin@parents.example"') && alertOf(body).includes('不正確');
      assert.ok(isRefused(refused));
      const form = (await httpBrowser.jar.getCookies(page.url)).find(({ key }) => key === 'kinpass_form')?.value ?? '';
      assert.match(form, /^v1\.[\w-]+$/);
      for (const address of [page.url, `${page.url}/login`, `${page.url}/other-account`]) {
        const opened = await httpBrowser.open(address);
        assert.deepEqual([opened.url, isRefused(opened)], [page.url, true], address);
        assert.ok(!opened.body.includes('a wrong password'));
      }
      const other = await httpBrowser.open((await app.begin()).url);
      assert.deepEqual([other.status, alertOf(other.body)], [200, '']);
      const inEnglish = await httpBrowser.open(`/language?to=en&back=${new URL(page.url).pathname}`);
      assert.deepEqual([inEnglish.status, alertOf(inEnglish.body)], [200, '']);
      assert.ok(inEnglish.body.includes('value="Xiu.Lin@parents.example"'));
      time.advance(11 * MINUTE);
      assert.equal(alertOf((await httpBrowser.open(page.url)).body), '');
    });

    it('keeps Retry-After of a delayed login until the delay is over', async () => {
      const httpBrowser = createHttpBrowser(running().issuer);
      let page = await httpBrowser.open((await app.begin()).url);
      for (let failures = 1; failures <= 6; failures += 1) {
        page = await httpBrowser.submit(page, { login: LOGIN.G4, password: 'a wrong password' });
      }
      assert.deepEqual([page.status, page.headers.get('retry-after')], [429, '30']);
      time.advance(10_000);
      const reloaded = await httpBrowser.open(page.url);
      assert.deepEqual([reloaded.status, reloaded.headers.get('retry-after')], [429, '20']);
      time.advance(30_000);
      const later = await httpBrowser.open(page.url);
      assert.deepEqual([later.status, later.headers.get('retry-after'), alertOf(later.body)], [200, null, '']);
      assert.ok(later.body.includes(`value="${LOGIN.G4}"`));
    });
  },
);
