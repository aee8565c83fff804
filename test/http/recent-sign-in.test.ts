/** Revoking sessions and apps needs a recent sign-in, so a copied session cookie cannot keep its owner out (OWASP ASVS 5.0, 7.5.2). */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { RECENT_SIGN_IN_SECONDS } from '../../src/domain/sessions.ts';
import { interactionOf, LOGIN } from '../helpers/authorization-flow.ts';
import { freezeTime, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf, type Answer, type HttpBrowser, noticeOf } from '../helpers/http-browser.ts';
import { createRegistration, newSecret } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const REVOCATIONS = ['/account/sessions/revoke', '/account/sessions/revoke-others', '/account/apps/revoke'];
const FIELDS = new URLSearchParams({ session: 'x', app: 'x' });
let time: FrozenTime;

before(() => {
  time = freezeTime();
});
after(() => {
  time.release();
});

eachService(
  'a revocation on the account page',
  () => ({ clients: [createRegistration('app', newSecret(), { scopes: ['openid'] })] }),
  (running) => {
    const signIn = async (login: string): Promise<HttpBrowser> => {
      const browser = createHttpBrowser(running().issuer);
      const fields = { login, password: DEMO_PASSWORD, remember: 'yes' };
      const page = await browser.submit(await browser.open('/account'), fields);
      assert.equal(interactionOf(page), undefined);
      return browser;
    };
    const sessionCookie = async ({ jar }: HttpBrowser): Promise<string> =>
      (await jar.getCookies(running().issuer)).find(({ key }) => key.endsWith('kinpass_session'))?.value ?? '';

    const next = 'four small boats at anchor';
    const change = { current_password: DEMO_PASSWORD, new_password: next, confirm_password: next };

    it('works for five minutes after the sign-in, then asks for the password and to press again', async () => {
      for (const path of REVOCATIONS) {
        const browser = await signIn(LOGIN.T1);
        time.advance(RECENT_SIGN_IN_SECONDS * SECOND);
        assert.match(noticeOf((await browser.post(path, FIELDS)).body), /已登出|已取消/);
        time.advance(2 * SECOND);
        const cookie = await sessionCookie(browser);
        const asked: Answer = await browser.post(path, FIELDS);
        assert.equal(interactionOf(asked), 'login', path);
        assert.match(textOf(asked.body), /再次確認|確認/);
        assert.equal(await sessionCookie(browser), cookie, 'nothing was revoked');
        const confirmed = await browser.submit(asked, { password: DEMO_PASSWORD });
        assert.match(noticeOf(confirmed.body), /已確認您的密碼/);
        assert.match(textOf(confirmed.body), /已確認您的密碼。設定尚未變更，請再按一次按鈕。/);
        assert.match(noticeOf((await browser.post(path, FIELDS)).body), /已登出|已取消/);
      }
    });

    it('with an old copied cookie cannot end the sessions of the owner, who changes the password', async () => {
      const owner = await signIn(LOGIN.A1);
      const attacker = createHttpBrowser(running().issuer);
      for (const cookie of await owner.jar.getCookies(running().issuer)) {
        if (cookie.key.includes('session')) await attacker.jar.setCookie(cookie.toString(), running().issuer);
      }
      time.advance((RECENT_SIGN_IN_SECONDS + 1) * SECOND);
      const fresh = await signIn(LOGIN.A1);
      const form = await fresh.open('/account/password');
      for (let i = 0; i < 5; i += 1) {
        assert.equal(interactionOf(await attacker.post('/account/sessions/revoke-others', '')), 'login');
      }
      assert.match(noticeOf((await fresh.submit(form, change)).body), /密碼已變更/);
      assert.equal(interactionOf(await attacker.open('/account')), 'login');
    });

    it('asks a copied cookie for the password after the owner has signed in, like the data copy', async () => {
      const owner = await signIn(LOGIN.G4);
      const attacker = createHttpBrowser(running().issuer);
      for (const cookie of await owner.jar.getCookies(running().issuer)) {
        if (cookie.key.includes('session')) await attacker.jar.setCookie(cookie.toString(), running().issuer);
      }
      time.advance((RECENT_SIGN_IN_SECONDS + 1) * SECOND);
      assert.equal(interactionOf(await attacker.post('/account/data/download', '')), 'login');
      const asked = await owner.post('/account/data/download', '');
      await owner.submit(asked, { password: DEMO_PASSWORD });
      const download = await owner.post('/account/data/download', '');
      assert.match(download.headers.get('content-disposition') ?? '', /^attachment/);
      for (const path of ['/account/data/download', '/account/sessions/revoke-others']) {
        assert.equal(interactionOf(await attacker.post(path, '')), 'login', path);
      }
    });

    it('that ends the session of an open password form does not stop the change of the password', async () => {
      const [owner, attacker] = [await signIn(LOGIN.G5), await signIn(LOGIN.G5)];
      const form = await owner.open('/account/password');
      await attacker.post('/account/sessions/revoke-others', '');
      const done = await owner.submit(form, change);
      assert.equal(done.status, 200);
      assert.match(textOf(done.body), /新密碼設定完成/);
      assert.equal(interactionOf(await attacker.open('/account')), 'login');
      assert.equal(interactionOf(await owner.open('/account')), 'login');
      const page = await owner.submit(await owner.open('/account'), { login: LOGIN.G5, password: next });
      assert.equal(new URL(page.url).pathname, '/account');
    });

    it('that comes while a password is changed does not stop the change', async () => {
      const [owner, attacker] = [await signIn(LOGIN.G4), await signIn(LOGIN.G4)];
      const form = await owner.open('/account/password');
      let isRunning = true;
      const attack = async (): Promise<void> => {
        while (isRunning) await attacker.post('/account/sessions/revoke-others', '');
      };
      const attacks = attack();
      const done = await owner.submit(form, change);
      isRunning = false;
      await attacks;
      assert.equal(done.status, 200);
      assert.match(textOf(done.body), /新密碼設定完成|密碼已變更/);
      assert.equal(interactionOf(await attacker.open('/account')), 'login');
    });

    it('invalidates a password form after a wrong password, a change, and an hour', async () => {
      const [owner, other] = [await signIn(LOGIN.T2), await signIn(LOGIN.T2)];
      const form = await owner.open('/account/password');
      await other.post('/account/sessions/revoke-others', '');
      const wrong = await owner.submit(form, { ...change, current_password: 'wrong' });
      assert.equal(wrong.status, 422);
      assert.equal(interactionOf(await owner.submit(form, { ...change, person: 'v1.changed' })), 'login');
      time.advance(60 * 60 * SECOND);
      assert.equal(interactionOf(await owner.submit(form, change)), 'login');
    });
  },
);
