/** Sign-in with a school account: `P` + student number inside one school. */
import assert from 'node:assert/strict';
import { it } from 'node:test';

import { updateApplication } from '../../src/store/binding/applications.ts';
import { storeApplication } from '../helpers/applications.ts';
import { idClaims, interactionOf } from '../helpers/authorization-flow.ts';
import { errorAt, listAuditEvents, personId, setPassword } from '../helpers/city.ts';
import { freezeTime, MINUTE } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { solveHumanCheck } from '../helpers/human-check.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const SECRET = newSecret();
const OWN = 'seven grey herons wade';
const FIRST = 'Y200200404';
const S4_AT_993301 = { school: '993301', account: 'P11330003' };

eachService(
  'a school account',
  () => ({
    clients: [
      createRegistration('app', SECRET, { scopes: ['openid', 'profile', 'roles'] }),
      createRegistration('school-app', SECRET, { scopes: ['openid', 'profile', 'roles'], school_accounts: true }),
    ],
  }),
  (running) => {
    const party = (id: string): Promise<TestParty> =>
      createParty(running().issuer, { id, scope: 'openid profile roles', secret: SECRET });
    const openSchoolPage = (browser: HttpBrowser, page: Answer): Promise<Answer> => {
      const link = /id="school-sign-in" href="([^"]+)"/.exec(page.body)?.[1];
      assert.ok(link, 'the sign-in page has the link');
      return browser.open(link);
    };
    const submit = async (browser: HttpBrowser, page: Answer, fields: Record<string, string>): Promise<Answer> =>
      browser.submit(page, { ...fields, ...(await solveHumanCheck(page)) });
    const open = async (url = '/account'): Promise<{ browser: HttpBrowser; page: Answer }> => {
      const browser = createHttpBrowser(running().issuer);
      return { browser, page: await openSchoolPage(browser, await browser.open(url)) };
    };
    const signIn = async (url?: string): Promise<{ browser: HttpBrowser; answer: Answer }> => {
      await setPassword(running(), 'H4', OWN);
      const { browser, page } = await open(url);
      return { browser, answer: await submit(browser, page, { ...S4_AT_993301, password: OWN }) };
    };

    it('opens with the whole ID of the student in any spelling, for the password change only', async () => {
      const { browser, page } = await open();
      const typed = { school: '示範高中', account: ' ｐ１１３３０００３', password: 'ｙ200200404' };
      const change = await submit(browser, page, typed);
      assert.equal(interactionOf(change), 'new_password');
      assert.equal((await browser.open('/account/password')).url.includes('/interaction/'), true, 'no session yet');
      const next = await browser.submit(change, {
        ...{ current_password: FIRST, new_password: OWN, confirm_password: OWN },
      });
      assert.equal(next.status, 200);
      assert.match(next.url, /\/account$/);
      assert.deepEqual((await listAuditEvents(running(), 'H4')).slice(0, 1), ['sign_in.password_change_required']);
    });

    it('rejects a new password that contains the ID of the student', async () => {
      const { browser, page } = await open();
      const first = await submit(browser, page, { school: '993301', account: 'P11330001', password: 'Y100200108' });
      const typed = 'boats and Y100200108 boats';
      const answer = await browser.submit(first, {
        ...{ current_password: 'Y100200108', new_password: typed, confirm_password: typed },
      });
      assert.equal(answer.status, 422);
      assert.notEqual(errorAt(answer, 'new_password'), '');
    });

    it('is another account at another school with the same number', async () => {
      const { browser, page } = await open();
      const answer = await submit(browser, page, { school: '993302', account: 'P11330001', password: 'Y100200108' });
      assert.equal(answer.status, 422);
      assert.match(textOf(answer.body), /學校、帳號或密碼不正確/);
    });

    it('names the field that is missing, unknown or ambiguous, and keeps what was typed', async () => {
      const { browser, page } = await open();
      const empty = await submit(browser, page, { school: '', account: '', password: '' });
      assert.equal(empty.status, 422);
      for (const field of ['school', 'account', 'password']) assert.notEqual(errorAt(empty, field), '', field);
      const unknown = await submit(browser, empty, { school: '999999', account: 'P1', password: 'x' });
      assert.match(errorAt(unknown, 'school'), /找不到這所學校/);
      assert.match(unknown.body, /value="P1"/);
      const numberOnly = await submit(browser, unknown, { ...S4_AT_993301, account: '11330003', password: 'x' });
      assert.match(errorAt(numberOnly, 'account'), /開頭是英文字母 P/);
      const many = await submit(browser, unknown, { school: '示範', account: 'P1', password: 'x' });
      assert.match(errorAt(many, 'school'), /示範高中 \(993301\)、示範高工 \(993401\)/);
    });

    it('stays on the school page when the language changes, also after an error', async () => {
      const { browser, page } = await open();
      const rejected = await submit(browser, page, { ...S4_AT_993301, password: '' });
      for (const shown of [page, rejected]) {
        const link = /href="(\/language\?to=en[^"]+)"/.exec(shown.body)?.[1]?.replaceAll('&amp;', '&') ?? '';
        const english = await browser.open(link);
        assert.match(english.url, /\/school$/);
        assert.match(textOf(english.body), /Sign in with a school account/);
      }
    });

    it('needs the human check', async () => {
      const { browser, page } = await open();
      const answer = await browser.submit(page, { ...S4_AT_993301, password: FIRST, human_check: '' });
      assert.equal(answer.status, 422);
      assert.notEqual(interactionOf(answer), 'new_password');
    });

    it('is remembered by its school only', async () => {
      const { browser } = await signIn();
      await browser.submit(await browser.open('/session/end'), { logout: 'yes' });
      const page = await openSchoolPage(browser, await browser.open('/account'));
      assert.match(page.body, /name="school"[^>]*value="993301"/);
      assert.match(textOf(page.body), /993301 是「示範高中」。/);
      assert.match(page.body, /name="account"[^>]*value=""/);
    });

    it('gets a token with its own acr at a client that is registered for it, and no role', async () => {
      const begun = await (await party('school-app')).begin();
      const { answer } = await signIn(begun.url);
      const claims = idClaims(await begun.finish(answer));
      assert.equal(claims['acr'], 'urn:kinpass:school-account');
      assert.deepEqual(claims['roles'], []);
    });

    it('gets the page that starts the binding at other clients, or access_denied without pages', async () => {
      const begun = await (await party('app')).begin();
      const { browser, answer } = await signIn(begun.url);
      assert.match(answer.body, /id="start-binding" [^>]*href="\/binding\?client=app"/);
      const silent = await (await party('app')).begin({ prompt: 'none' });
      const { leavesTo } = await browser.open(silent.url);
      assert.equal(leavesTo?.searchParams.get('error'), 'access_denied');
    });

    it('gets the next step of its application at any other client', async () => {
      const id = await storeApplication(running());
      const { store } = running().container;
      const begun = await (await party('app')).begin();
      const { browser, answer } = await signIn(begun.url);
      assert.match(textOf(answer.body), /申請審核中/);
      assert.match(answer.body, /id="other-account" class="button" type="submit">以其他帳號登入/);
      const titles = [
        ['returned', '請修正親子綁定申請'],
        ['approved', '請改用家長帳號登入'],
        ['rejected', '請先完成親子綁定'],
      ] as const;
      for (const [at, [state, title]] of titles.entries()) {
        await store.write((tx) => updateApplication(tx, { id, version: 3 + at }, { state }, Date.now()));
        const page = await browser.open(answer.url);
        assert.match(textOf(page.body), new RegExp(title), state);
        assert.equal(page.body.includes('<button id="other-account" class="button"'), state === 'approved', state);
      }
    });

    it('enters its password again on the page of its school', async () => {
      const time = freezeTime(Date.now());
      try {
        const { browser } = await signIn();
        time.advance(MINUTE);
        const begun = await (await party('school-app')).begin({ max_age: '30' });
        const page = await browser.open(begun.url);
        assert.match(page.url, /\/school$/);
        assert.match(page.body, /value="P11330003"[^>]*readonly/);
        const other = await submit(browser, page, { school: '993301', account: 'P11330001', password: OWN });
        assert.equal(other.leavesTo?.searchParams.has('code'), true, 'the shown account counts, not the sent one');
      } finally {
        time.release();
      }
    });

    it('is stopped by five wrong passwords, and unlocked by staff', async () => {
      await setPassword(running(), 'H4', OWN);
      const { browser, page } = await open();
      let answer = page;
      for (let count = 0; count < 6; count += 1) {
        answer = await submit(browser, answer, { ...S4_AT_993301, password: 'wrong' });
      }
      assert.equal(answer.status, 429);
      await running().container.people.unlock(personId('H4'));
      const again = await submit(browser, answer, { ...S4_AT_993301, password: OWN });
      assert.match(again.url, /\/account$/);
    });
  },
);
