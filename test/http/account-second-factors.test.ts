/** Second factors on the account pages. */
import assert from 'node:assert/strict';
import { after, afterEach, before, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { CREDENTIAL_CHANGE_POLICY } from '../../src/services/authentication/credential-change-limit.ts';
import { interactionOf, LOGIN } from '../helpers/authorization-flow.ts';
import { listAuditEvents, personId, signInToAccount } from '../helpers/city.ts';
import { DAY, freezeTime, HOUR, MINUTE, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { textOf, type Answer, type HttpBrowser, noticeOf } from '../helpers/http-browser.ts';
import {
  completeSetup,
  createAuthenticator,
  enrollTotp,
  recoveryCodesOn,
  removeSecondFactors,
  secretOn,
} from '../helpers/second-factors.ts';
import { eachService } from '../helpers/service-matrix.ts';

const { capacity } = CREDENTIAL_CHANGE_POLICY;
const KEY = 'T2';
const PAGE = '/account/second-factors';
let time: FrozenTime;

before(() => {
  time = freezeTime();
});
after(() => {
  time.release();
});

eachService(
  'the account page',
  () => ({ clients: [] }),
  (running) => {
    afterEach(async () => {
      time.advance(HOUR);
      await removeSecondFactors(running(), KEY);
    });

    const signIn = async (code?: () => string): Promise<HttpBrowser> => {
      const { httpBrowser: visitor, answer } = await signInToAccount(running(), LOGIN[KEY], DEMO_PASSWORD);
      if (code !== undefined) assert.equal((await visitor.submit(answer, { code: code() })).status, 200);
      return visitor;
    };
    const list = async (key: 'T2' | 'A2' = KEY) => running().container.secondFactors.list(personId(key));
    const remove = (browser: HttpBrowser, factor: string): Promise<Answer> =>
      browser.post(`${PAGE}/remove`, new URLSearchParams({ factor }));

    it('adds an authenticator app and ten recovery codes, and the next sign-in asks for it', async () => {
      const browser = await signIn();
      assert.match(textOf((await browser.open('/account')).body), /兩步驟驗證/);
      assert.match(textOf((await browser.open(PAGE)).body), /尚未設定/);
      const setup = await browser.open(`${PAGE}/totp`);
      assert.match(setup.body, /<svg class="qr-code"/);
      const wrong = await browser.submit(setup, { code: '000000' });
      assert.equal(wrong.status, 422);
      assert.equal(secretOn(wrong), secretOn(setup));
      const { authenticator, answer } = await completeSetup(browser, wrong);
      assert.equal(authenticator.recoveryCodes.length, 10);
      assert.match(noticeOf(answer.body), /已新增驗證方式/);
      assert.match(textOf(answer.body), /剩餘 10 組備用碼/);
      assert.ok((await listAuditEvents(running(), KEY)).includes('second_factor.added'));
      assert.equal((await browser.open('/account')).status, 200, 'nothing was revoked');
      const next = await signInToAccount(running(), LOGIN[KEY], DEMO_PASSWORD);
      assert.equal(interactionOf(next.answer), 'second_factor');
      time.advance(30 * SECOND);
      await signIn(authenticator.code);
    });

    it('adds one factor for a form that is sent twice at once', async () => {
      const browser = await signIn();
      const setup = await browser.open(`${PAGE}/totp`);
      const shown = await browser.submit(setup, { code: codeFor(setup) });
      const answers = await Promise.all([1, 2].map(() => browser.submit(shown, { saved: 'yes' })));
      // A browser follows the answer to one of them, which shows the notice.
      assert.ok(answers.some(({ body }) => noticeOf(body).includes('已新增驗證方式')));
      for (const { url } of answers) assert.ok(url.endsWith(PAGE), url);
      assert.equal((await list()).factors.length, 1);
    });

    it('adds a further factor after the second factor only, without new recovery codes', async () => {
      const early = await signIn();
      const setup = await early.open(`${PAGE}/totp`);
      const shown = await early.submit(setup, { code: codeFor(setup) });
      const first = await enrollTotp(running(), KEY);
      const refused = await early.submit(shown, { saved: 'yes' });
      assert.equal(interactionOf(refused), 'second_factor', 'the password alone adds no factor');
      assert.equal((await list()).factors.length, 1);
      const browser = await signIn(first.code);
      const { answer } = await completeSetup(browser, await browser.open(`${PAGE}/totp`));
      assert.match(noticeOf(answer.body), /已新增驗證方式/);
      const { factors, recoveryCodes } = await list();
      assert.deepEqual([factors.length, recoveryCodes], [2, 10]);
    });

    it('removes a factor after a recent second factor, and the recovery codes with the last one', async () => {
      const early = await signIn();
      const { id, code } = await enrollTotp(running(), KEY);
      const stepUp = await remove(early, id);
      assert.equal(interactionOf(stepUp), 'second_factor', 'the password alone removes nothing');
      assert.equal((await list()).factors.length, 1);
      const back = await early.submit(stepUp, { code: code() });
      assert.match(noticeOf(back.body), /已確認您的密碼/);
      time.advance(6 * MINUTE);
      const asked = await remove(early, id);
      assert.equal(interactionOf(asked), 'login');
      const second = await early.submit(asked, { password: DEMO_PASSWORD });
      assert.equal(interactionOf(second), 'second_factor');
      assert.match(noticeOf((await early.submit(second, { code: code() })).body), /已確認您的密碼/);
      assert.equal((await list()).factors.length, 1);
      assert.match(noticeOf((await remove(early, id)).body), /已移除驗證方式/);
      assert.deepEqual(await list(), { factors: [], recoveryCodes: 0 });
      assert.ok((await listAuditEvents(running(), KEY)).includes('second_factor.removed'));
      await signIn();
    });

    it('replaces the recovery codes, shows them once, and the earlier ones end', async () => {
      const { code, recoveryCodes } = await enrollTotp(running(), KEY);
      const browser = await signIn(code);
      const shown = await browser.post(`${PAGE}/recovery-codes`, '');
      const codes = recoveryCodesOn(shown);
      assert.equal(codes.length, 10);
      assert.deepEqual(recoveryCodesOn(await browser.open(PAGE)), []);
      const { httpBrowser: visitor, answer } = await signInToAccount(running(), LOGIN[KEY], DEMO_PASSWORD);
      const old = await visitor.submit(answer, { code: recoveryCodes[0] ?? '' });
      assert.equal(old.status, 422);
      assert.equal(new URL((await visitor.submit(old, { code: codes[0] ?? '' })).url).pathname, '/account');
      assert.equal((await list()).recoveryCodes, 9);
    });

    it('limits the changes of one person, each of which sends a mail', async () => {
      const { code } = await enrollTotp(running(), KEY);
      const countMails = async (): Promise<number> =>
        (await running().container.store.read((tx) => tx.db.select().from(tx.tables.outbox))).length;
      time.advance(DAY);
      const browser = await signIn(code);
      const replace = (): Promise<Answer> => browser.post(`${PAGE}/recovery-codes`, '');
      const before = await countMails();
      for (let i = 0; i < capacity; i += 1) assert.equal((await replace()).status, 200);
      const refused = await replace();
      assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '300']);
      assert.equal(await countMails(), before + capacity);
      time.advance(5 * MINUTE);
      assert.equal(recoveryCodesOn(await replace()).length, 10);
    });

    it('does not remove the factor of another person', async () => {
      const theirs = await enrollTotp(running(), 'A2');
      const mine = await enrollTotp(running(), KEY);
      const browser = await signIn(mine.code);
      assert.match(noticeOf((await remove(browser, theirs.id)).body), /已移除驗證方式/);
      assert.equal((await list('A2')).factors.length, 1);
      assert.equal((await list()).factors.length, 1);
      await removeSecondFactors(running(), 'A2');
    });

    it('has at most ten factors, and cleans their names', async () => {
      const factors = [];
      for (let i = 0; i < 9; i += 1) factors.push(await enrollTotp(running(), KEY));
      const browser = await signIn(factors[0]?.code);
      const add = async (name: string): Promise<Answer> => {
        const setup = await browser.open(`${PAGE}/totp`);
        return browser.submit(setup, { code: codeFor(setup), name });
      };
      const added = await add(`<b>\u0007${'長'.repeat(50)}`);
      assert.ok(!added.body.includes('<b>'));
      assert.ok(textOf(added.body).includes(`<b> ${'長'.repeat(36)} `));
      assert.match(noticeOf((await add('one too many')).body), /驗證方式已達 10 個/);
      assert.equal((await list()).factors.length, 10);
    });
  },
);

/** The code of the secret that a setup page shows. */
function codeFor(page: Answer): string {
  return createAuthenticator(secretOn(page)).code();
}
