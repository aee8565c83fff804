/** Changes of an account that the account page shows until its owner confirms them. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { RECENT_SIGN_IN_SECONDS } from '../../src/domain/sessions.ts';
import { interactionOf, LOGIN } from '../helpers/authorization-flow.ts';
import { listAuditEvents, personId, signInToAccount } from '../helpers/city.ts';
import { freezeTime, MINUTE, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { textOf, type Answer, type HttpBrowser, noticeOf } from '../helpers/http-browser.ts';
import { getPersonFacts } from '../helpers/people.ts';
import { completeSetup } from '../helpers/second-factors.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff } from '../helpers/staff.ts';

const TITLE = /上次登入後的變更/;
let time: FrozenTime;
before(() => {
  time = freezeTime();
});
after(() => {
  time.release();
});

eachService(
  'changes of an account',
  () => ({ clients: [] }),
  (running) => {
    const signIn = async (login: string, code?: string): Promise<{ browser: HttpBrowser; page: Answer }> => {
      const { httpBrowser: browser, answer } = await signInToAccount(running(), login, DEMO_PASSWORD);
      return { browser, page: code === undefined ? answer : await browser.submit(answer, { code }) };
    };
    const confirm = (browser: HttpBrowser, through: string): Promise<Answer> =>
      browser.post('/account/changes/seen', new URLSearchParams({ through }));
    const throughOn = ({ body }: Answer): string => /name="through" value="(\d+)"/.exec(body)?.[1] ?? '';

    it('show a second factor of a person without an email at each sign-in, until confirmed', async () => {
      const { identifiers } = await getPersonFacts(running(), LOGIN.S1);
      assert.ok(identifiers.every(({ kind, isVerified }) => kind !== 'email' || !isVerified));
      const { browser } = await signIn(LOGIN.S1);
      const { authenticator } = await completeSetup(browser, await browser.open('/account/second-factors/totp'));
      assert.doesNotMatch(textOf((await browser.open('/account')).body), TITLE, 'the session that made the change');
      time.advance(MINUTE);
      const next = await signIn(LOGIN.S1, authenticator.code());
      assert.match(textOf(next.page.body), TITLE);
      assert.match(textOf(next.page.body), /新增了兩步驟驗證 · [^·]* · 不明的裝置/);
      assert.match(next.page.body, /href="\/account\/second-factors"/);
      time.advance(RECENT_SIGN_IN_SECONDS * SECOND + SECOND);
      assert.equal(interactionOf(await confirm(next.browser, throughOn(next.page))), 'login', 'a copied session');
      time.advance(MINUTE);
      const later = await signIn(LOGIN.S1, authenticator.code());
      assert.match(textOf(later.page.body), TITLE, 'not confirmed');
      const confirmed = await confirm(later.browser, '9007199254740991');
      assert.match(noticeOf(confirmed.body), /已確認/);
      assert.doesNotMatch(textOf(confirmed.body), TITLE);
      assert.ok((await listAuditEvents(running(), 'S1')).includes('account_changes.seen'));
      await later.browser.post('/account/second-factors/recovery-codes', new URLSearchParams());
      time.advance(MINUTE);
      const last = await signIn(LOGIN.S1, authenticator.code());
      assert.match(textOf(last.page.body), /更換了備用碼/, 'a change after the confirmation');
      assert.doesNotMatch(textOf(last.page.body), /新增了兩步驟驗證/);
    });

    it('show a contact that staff changed', async () => {
      const { browser: bureau } = await signInStaff(running(), 'B1');
      const form = await bureau.open(`/console/people/${personId('G2')}/action?action=change-email`);
      const input = { action: 'change-email', value: 'new@mail.example', reason: 'phoned, named class and seat' };
      assert.equal((await bureau.submit(form, input)).status, 200);
      const { page } = await signIn('new@mail.example');
      assert.match(textOf(page.body), TITLE);
      assert.match(textOf(page.body), /變更了您的電子郵件或手機號碼 · .* · 由學校或教育局辦理/);
    });
  },
);
