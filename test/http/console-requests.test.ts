/** Requests that a colleague confirms, and the actions with a value, over HTTP. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { eq } from 'drizzle-orm';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { listAuditEvents, personId, signInToAccount } from '../helpers/city.ts';
import { HOUR, useFrozenTime } from '../helpers/frozen-time.ts';
import { alertOf, textOf, type Answer, type HttpBrowser, noticeOf } from '../helpers/http-browser.ts';
import { linkIn, mailTo, useMailCatcher } from '../helpers/mail.ts';
import { createAuthenticator, secretOn } from '../helpers/second-factors.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff, type StaffBrowser } from '../helpers/staff.ts';

const time = useFrozenTime();
const mail = useMailCatcher();

const NOTICE = '學校變更了您的帳號';
const requestOn = ({ url }: Answer): string => /\/console\/requests\/([^?/]+)/.exec(url)?.[1] ?? '';
const stateOn = ({ body }: Answer): string | undefined => /data-request-state="([^"]+)"/.exec(body)?.[1];

eachService(
  'requests in the console',
  () => ({ clients: [], smtpUrl: mail.smtpUrl }),
  (running) => {
    let desk: StaffBrowser;
    let registrar: StaffBrowser;
    let bureau: StaffBrowser;
    before(async () => {
      ({ browser: desk } = await signInStaff(running(), 'A1'));
      ({ browser: registrar } = await signInStaff(running(), 'A2'));
      ({ browser: bureau } = await signInStaff(running(), 'B1'));
    });

    type Key = Parameters<typeof personId>[0];
    const openForm = (browser: HttpBrowser, key: Key, action: string, value = ''): Promise<Answer> =>
      browser.open(`/console/people/${personId(key)}/action?action=${action}&value=${value}`);
    const act = async (browser: HttpBrowser, key: Key, action: string, value = ''): Promise<Answer> =>
      browser.submit(await openForm(browser, key, action), { action, value, reason: 'phoned from a new number' });

    it('change the email of a parent after the registrar has confirmed', async () => {
      const form = await openForm(desk, 'G2', 'change-email');
      assert.match(textOf(form.body), /另一位有權限的同仁確認/);
      const sent = await act(desk, 'G2', 'change-email', 'meiling.new@parents.example');
      assert.equal(stateOn(sent), 'pending');
      const list = await registrar.open('/console/requests');
      assert.match(list.body, new RegExp(`data-request="${requestOn(sent)}"`));
      const page = await registrar.open(`/console/requests/${requestOn(sent)}`);
      assert.match(textOf(page.body), /meiling\.li@parents\.example.*meiling\.new@parents\.example.*張立人/);
      const empty = await registrar.submit(page, { answer: 'confirm', reason: '' });
      assert.equal(empty.status, 422);
      const confirmed = await registrar.submit(page, { answer: 'confirm', reason: 'called back' });
      assert.match(textOf(confirmed.body), /電子郵件已變更/);
      await mailTo(mail, 'meiling.li@parents.example', NOTICE);
      await mailTo(mail, 'meiling.new@parents.example', NOTICE);
      assert.equal((await signInToAccount(running(), 'meiling.new@parents.example')).answer.status, 200);
      assert.equal((await signInToAccount(running(), LOGIN.G2)).answer.status, 422);
      const replayed = await registrar.submit(page, { answer: 'confirm', reason: 'again' });
      assert.equal(replayed.status, 409);
      assert.match(textOf(replayed.body), /已由其他同仁處理/);
      for (const browser of [desk, registrar]) {
        assert.match(textOf((await browser.open('/console/requests?state=closed')).body), /已確認.*許雅文/);
      }
    });

    it('end an email change that the person has not confirmed yet', async () => {
      const { httpBrowser: thief } = await signInToAccount(running(), 'meiling.new@parents.example');
      // Both databases share the mail catcher.
      const address = `thief.${new URL(running().issuer).port}@evil.example`;
      const contacts = new URLSearchParams({ email: address });
      assert.match(noticeOf((await thief.post('/account/contacts/email', contacts)).body), /我們已寄出確認信/);
      const link = linkIn(await mailTo(mail, address, '確認'));
      assert.ok(textOf((await thief.open(link)).body).includes(address));
      const done = await act(bureau, 'G2', 'change-email', 'meiling.li@parents.example');
      assert.match(textOf(done.body), /電子郵件已變更/);
      assert.equal((await thief.open('/account/email/confirm')).status, 410);
      assert.equal((await thief.post('/account/email/confirm', '')).status, 410);
      assert.equal((await signInToAccount(running(), LOGIN.G2)).answer.status, 200);
    });

    it('are not confirmed by the requester, and not found by other staff', async () => {
      const sent = await act(desk, 'G2', 'change-mobile', '0911222333');
      const forged = await desk.submit(sent, { answer: 'confirm', reason: 'me' });
      assert.equal(forged.status, 403);
      assert.match(alertOf(forged.body), /另一位同仁/);
      const { browser: teacher } = await signInStaff(running(), 'T2');
      assert.equal((await teacher.open('/console/requests')).status, 404);
      assert.equal((await teacher.open(`/console/requests/${requestOn(sent)}`)).status, 404);
      const withdrawn = await desk.submit(sent, { answer: 'withdraw', reason: 'typing error' });
      assert.equal(stateOn(withdrawn), 'withdrawn');
    });

    it('say what is wrong with a value, and keep it', async () => {
      const wrong = await act(registrar, 'G1', 'correct-national-id', 'Y100100299');
      assert.equal(wrong.status, 422);
      assert.match(alertOf(wrong.body), /身分證統一編號不正確/);
      assert.match(wrong.body, /value="Y100100299"/);
    });

    it('show a national ID in full once', async () => {
      const page = await registrar.open(`/console/people/${personId('S1')}`);
      assert.match(textOf(page.body), /Y1•••••108/);
      assert.doesNotMatch(page.body, /Y100200108/);
      assert.match((await act(registrar, 'S1', 'reveal-national-id')).body, /data-national-id>Y100200108</);
      assert.ok((await listAuditEvents(running(), 'S1')).includes('staff.reveal_national_id'));
      assert.doesNotMatch((await desk.open(`/console/people/${personId('S1')}`)).body, /Y1•/);
    });

    it('lead from a national ID of another account to a merge that two people decide', async () => {
      const taken = await act(registrar, 'G1', 'correct-national-id', 'Y200100301');
      assert.equal(taken.status, 422);
      const [, url = ''] = /data-merge href="([^"]+)"/.exec(taken.body) ?? [];
      assert.ok(url.includes(personId('G1')), taken.body);
      const form = await registrar.open(url.replaceAll('&amp;', '&'));
      const value = /name="value"[^>]* value="([^"]+)"/.exec(form.body)?.[1] ?? '';
      const preview = await registrar.submit(form, { action: 'merge', value, reason: 'typing error' });
      assert.match(textOf(preview.body), /另一位有權限的同仁確認/);
      const sent = await registrar.submit(preview, { action: 'merge' });
      assert.equal(stateOn(sent), 'pending');
      const page = await bureau.open(`/console/requests/${requestOn(sent)}`);
      assert.match(textOf(page.body), /另一個帳號 王大明/);
      assert.ok(page.body.includes(`<a href="/console/people/${personId('G1')}">王大明</a>`));
      const declined = await bureau.submit(page, { answer: 'decline', reason: 'two people' });
      assert.equal(stateOn(declined), 'declined');
    });

    it('suspend a guardianship from the page of the guardian', async () => {
      const page = await registrar.open(`/console/people/${personId('G1')}`);
      const [, guardianship = ''] = /name="value" value="([^"]+)"/.exec(page.body) ?? [];
      const action = 'suspend-guardianship';
      const form = await openForm(registrar, 'G1', action, guardianship);
      assert.match(textOf(form.body), /學生：王小安/);
      const done = await registrar.submit(form, { action, reason: 'court order' });
      assert.match(textOf(done.body), /親子關係已暫停/);
    });

    it('show both accounts before a merge', async () => {
      const preview = await act(registrar, 'G1', 'merge', '李美玲');
      assert.match(textOf(preview.body), /保留這個帳號.*王大明.*這個帳號會停用.*李美玲/);
      const setStatus = (status: 'active' | 'disabled'): Promise<unknown> =>
        running().container.store.write(({ db, tables: { persons } }) =>
          db
            .update(persons)
            .set({ status })
            .where(eq(persons.id, personId('G2'))),
        );
      assert.doesNotMatch(textOf(preview.body), /仍是這些學生的家長/);
      await setStatus('disabled');
      const disabled = textOf((await act(registrar, 'G1', 'merge', '李美玲')).body);
      assert.match(disabled, /已停用，但仍是這些學生的家長：王小安。/);
      await setStatus('active');
      const refused = await registrar.submit(preview, { action: 'merge' });
      assert.equal(refused.status, 422);
      assert.match(alertOf(refused.body), /親子關係狀態不同/);
      assert.match(alertOf((await act(registrar, 'G1', 'merge', '林可欣')).body), /找不到這個帳號/);
    });

    it('end the session of a thief whose second factor they remove', async () => {
      const { httpBrowser: thief } = await signInToAccount(running(), LOGIN.G2);
      const page = await thief.open('/account/second-factors/totp');
      const codes = await thief.submit(page, { code: createAuthenticator(secretOn(page)).code() });
      assert.match(noticeOf((await thief.submit(codes, { saved: 'yes' })).body), /已新增驗證方式/);
      assert.match(noticeOf((await act(desk, 'G2', 'remove-second-factor')).body), /移除/);
      // The sealed setup is still valid, but the session is not.
      assert.match((await thief.submit(codes, { saved: 'yes' })).url, /\/interaction\//);
      assert.match((await thief.open('/account')).url, /\/interaction\//);
      assert.equal(await running().container.secondFactors.has(personId('G2')), false);
    });

    it('let the IT desk issue no code alone to a registrar', async () => {
      const form = await openForm(desk, 'A2', 'one-time-code');
      assert.match(textOf(form.body), /另一位有權限的同仁確認/);
      const sent = await act(desk, 'A2', 'one-time-code');
      assert.equal(stateOn(sent), 'pending');
      assert.doesNotMatch(sent.body, /data-one-time-code/);
      assert.equal((await registrar.open('/console')).status, 200);
      assert.equal((await registrar.open(`/console/requests/${requestOn(sent)}`)).status, 404);
      const page = await bureau.open(`/console/requests/${requestOn(sent)}`);
      assert.equal(stateOn(await bureau.submit(page, { answer: 'decline', reason: 'not asked for' })), 'declined');
    });

    it('remove the second factor of staff after a day, unless the person cancels it', async () => {
      const done = await act(bureau, 'A2', 'remove-second-factor');
      assert.match(textOf(done.body), /可以在「我的帳號」取消/);
      await mailTo(mail, 'reg.993301@school.example', NOTICE);
      const account = await registrar.open('/account');
      assert.match(textOf(account.body), /學校要求移除您的兩步驟驗證/);
      const canceled = await registrar.submit(account, {});
      assert.match(textOf(canceled.body), /已取消移除/);
      time.advance(25 * HOUR);
      assert.equal(await running().container.console.secondFactorRemovals.executeDue(10), 0);
      assert.doesNotMatch(textOf((await listAuditEvents(running(), 'A2')).join(' ')), /second_factor\.removed/);
    });
  },
);
