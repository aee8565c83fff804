/** The human check of sign-in and password reset, after repeated failures. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { signInToAccount } from '../helpers/city.ts';
import { DAY, freezeTime, MINUTE, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { alertOf, createHttpBrowser, formOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { solveHumanCheck } from '../helpers/human-check.ts';
import { eachService } from '../helpers/service-matrix.ts';

let time: FrozenTime;
before(() => {
  time = freezeTime();
});
after(() => {
  time.release();
});

const hasCheck = ({ body }: Answer): boolean => body.includes('data-human-check');

eachService(
  'the human check',
  () => ({ clients: [], env: { KINPASS_HUMAN_CHECK_FAILURES: '5' } }),
  (running) => {
    beforeEach(() => {
      time.advance(DAY);
    });
    const browse = (): HttpBrowser => createHttpBrowser(running().issuer);
    const signIn = (
      browser: HttpBrowser,
      page: Answer,
      login: string,
      password: string,
      solved = {},
    ): Promise<Answer> => browser.submit(page, { login, password, ...solved });
    // Each test has its own logins, because their failures stay in the database.
    /** Fails five times under one login. @returns the page of the last failure, after its delay */
    const failFive = async (login: string, browser = browse()): Promise<Answer> => {
      let page = await browser.open('/account');
      for (let i = 0; i < 5; i += 1) {
        page = await signIn(browser, page, login, 'wrong');
        assert.equal(page.status, 422);
        assert.equal(hasCheck(page), i === 4, `check after ${String(i + 1)} failures`);
      }
      time.advance(31 * SECOND);
      return page;
    };

    it('is required at sign-in after five failures, the same for an account that does not exist', async () => {
      const alerts: string[] = [];
      for (const login of [LOGIN.G2, 'unknown@parents.example']) {
        const browser = browse();
        await failFive(login, browser);
        const page = { ...(await browser.open('/account')) };
        const asked = await signIn(browser, page, login, 'wrong', { human_check: '' });
        assert.equal(asked.status, 422);
        assert.ok(hasCheck(asked));
        alerts.push(alertOf(asked.body));
        const checked = await signIn(browser, asked, login, 'wrong', await solveHumanCheck(asked));
        assert.match(alertOf(checked.body), /帳號或密碼不正確/);
        time.advance(DAY);
      }
      assert.match(alerts[0] ?? '', /請再按一次按鈕/);
      assert.equal(alerts[0], alerts[1]);
    });

    it('lets a person with the right password in, and is then gone', async () => {
      const browser = browse();
      const page = await failFive(LOGIN.T1, browser);
      const asked = await signIn(browser, page, LOGIN.T1, DEMO_PASSWORD, { human_check: '' });
      assert.ok(hasCheck(asked));
      assert.ok(asked.body.includes(`value="${DEMO_PASSWORD}"`), 'the form keeps what was entered');
      const done = await signIn(browser, asked, LOGIN.T1, DEMO_PASSWORD, await solveHumanCheck(asked));
      assert.equal(new URL(done.url).pathname, '/account');
    });

    it('does not hide that a login is delayed', async () => {
      const browser = browse();
      const page = await browser.open('/account');
      for (let i = 0; i < 5; i += 1) await signIn(browser, page, LOGIN.S1, 'wrong');
      const delayed = await signIn(browser, page, LOGIN.S1, DEMO_PASSWORD);
      assert.equal(delayed.status, 429);
      assert.match(alertOf(delayed.body), /嘗試次數過多/);
    });

    it('is required for other logins of the network, but not on known devices', async () => {
      const known = (await signInToAccount(running(), LOGIN.G5)).httpBrowser;
      await failFive('missing@parents.example');
      const newBrowser = browse();
      const page = await newBrowser.open('/account');
      assert.ok(hasCheck(page), 'the page of a new device has the check at once');
      const asked = await signIn(newBrowser, page, LOGIN.T2, DEMO_PASSWORD, { human_check: '' });
      assert.ok(hasCheck(asked));
      await known.open('/session/end');
      const cookies = (await known.jar.getCookies(running().issuer)).filter(({ key }) => key.includes('device'));
      const again = browse();
      for (const cookie of cookies) await again.jar.setCookie(cookie.toString(), running().issuer);
      const own = await again.open('/account');
      assert.ok(!hasCheck(own));
      assert.equal(new URL((await signIn(again, own, LOGIN.G5, DEMO_PASSWORD)).url).pathname, '/account');
      const another = browse();
      for (const cookie of cookies) await another.jar.setCookie(cookie.toString(), running().issuer);
      const ofOther = await signIn(another, await another.open('/account'), LOGIN.T2, DEMO_PASSWORD);
      assert.ok(hasCheck(ofOther), 'the device is known for its own people only');
      time.advance(6 * MINUTE);
      assert.ok(!hasCheck(await browse().open('/account')), 'a network is forgotten soon');
    });

    it('passes without JavaScript after twenty seconds', async () => {
      const browser = browse();
      const page = await failFive(LOGIN.A1, browser);
      const done = await signIn(browser, page, LOGIN.A1, DEMO_PASSWORD);
      assert.equal(new URL(done.url).pathname, '/account');
    });

    it('is required at the password reset after five requests, where sign-in challenges fail', async () => {
      const browser = browse();
      const login = 'unknown@parents.example';
      for (let i = 0; i < 5; i += 1) {
        const page = await browser.open('/forgot-password');
        assert.ok(!hasCheck(page));
        assert.equal((await browser.submit(page, { login })).status, 200);
      }
      const page = await browser.open('/forgot-password');
      assert.ok(hasCheck(page));
      const asked = await browser.submit(page, { login, human_check: '' });
      assert.equal(asked.status, 422);
      const ofSignIn = await failFive('another.missing@parents.example');
      const other = await browser.submit(asked, { login, ...(await solveHumanCheck(ofSignIn)) });
      assert.equal(other.status, 422);
      assert.notEqual(formOf(other.body).hidden['human_check'], '');
      assert.equal((await browser.submit(other, { login, ...(await solveHumanCheck(other)) })).status, 200);
    });
  },
);
