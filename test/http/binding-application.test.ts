/** The application of a family for the binding of its child. */
import assert from 'node:assert/strict';
import { it } from 'node:test';

import { findOpenApplication, listApplicants } from '../../src/store/binding/applications.ts';
import { listInputs } from '../../src/store/binding/inputs.ts';
import { findLatestAnswer } from '../../src/store/binding/notices.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import {
  APPLICANT,
  applicantFields,
  PDF,
  signInFamily,
  startOver,
  submitApplicant,
  upload,
  walkToApplicant,
  walkToSummary,
} from '../helpers/binding.ts';
import { errorAt, listAuditEvents, personId, signInToAccount } from '../helpers/city.ts';
import { DAY, useFrozenTime } from '../helpers/frozen-time.ts';
import { alertOf, formOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { mailTo, useMailCatcher } from '../helpers/mail.ts';
import { createRegistration, newSecret } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff } from '../helpers/staff.ts';

const mail = useMailCatcher();
const time = useFrozenTime();

const pathOf = ({ url }: Answer): string => new URL(url).pathname;
const stateOf = ({ body }: Answer): string | undefined => /<body[^>]* data-application-state="([^"]*)"/.exec(body)?.[1];

eachService(
  'an application',
  () => ({
    clients: [createRegistration('app', newSecret(), { scopes: ['openid'] })],
    smtpUrl: mail.smtpUrl,
  }),
  (running) => {
    /** Signs in with the school account of S4 and begins a new application. */
    const start = async (language?: string): Promise<{ browser: HttpBrowser; page: Answer }> => {
      // The limits of codes count half hours.
      time.advance(DAY);
      const { browser } = await signInFamily(running(), 'H4', '/binding', language);
      return { browser, page: await startOver(browser) };
    };
    const unique = (name: string): string => `${name}.${running().issuer.slice(-5)}@mail.example`;
    const read = async () =>
      running().container.store.read(async (tx) => {
        const row = await findOpenApplication(tx, personId('S4'));
        return { row, applicants: row === undefined ? [] : await listApplicants(tx, row.id) };
      });

    it('leads from the school account through each step to the status page, and sends a mail', async () => {
      const { browser, page } = await start();
      assert.equal(pathOf(page), '/binding/student');
      assert.equal(stateOf(page), 'draft');
      const shown = textOf(page.body);
      for (const text of ['吳小華', '示範高中', '11330003', '高二3班', '21', '第 1 步，共 6 步'])
        assert.ok(shown.includes(text), text);
      const notice = await browser.submit(page, { confirm_student: 'yes' });
      assert.equal(pathOf(notice), '/binding/notice');
      for (const code of ['137', '157', '158', '159', '175', 'C001', 'C003', 'C011', '第 2 版'])
        assert.ok(textOf(notice.body).includes(code), code);
      const applicants = await browser.submit(notice, { notice: 'agree' });
      assert.equal(pathOf(applicants), '/binding/applicants');
      const applicant = await browser.submit(applicants, { applicants: 'one' });
      assert.equal(pathOf(applicant), '/binding/applicant/1');
      const email = unique('one');
      const evidence = await submitApplicant(browser, applicant, mail, { ...APPLICANT, email });
      assert.equal(pathOf(evidence), '/binding/evidence');
      const summary = await upload(browser, evidence, [{ name: '戶口名簿.pdf', content: PDF }]);
      assert.equal(pathOf(summary), '/binding/summary');
      const all = textOf(summary.body);
      for (const text of ['吳建宏', '父親', '0900000404', email, '戶口名簿.pdf', '本人同意'])
        assert.ok(all.includes(text), text);
      assert.ok(!all.includes(APPLICANT.nationalId), 'the ID is masked');
      const status = await browser.submit(summary, {});
      assert.equal(pathOf(status), '/binding');
      assert.equal(stateOf(status), 'submitted');
      assert.match(textOf(status.body), /申請已送出，導師審核後會寄電子郵件通知您。/);
      assert.match(textOf(status.body), /待審核/);
      assert.match(textOf((await browser.open('/account')).body), /查看申請進度/);
      assert.match((await mailTo(mail, email, '已收到親子綁定申請')).text, /吳小華/);
      const { row, applicants: stored } = await read();
      assert.equal(row?.state, 'submitted');
      assert.ok(!JSON.stringify(stored).includes(APPLICANT.nationalId), 'stored sealed');
      const events = await listAuditEvents(running(), 'S4');
      for (const event of ['started', 'student_confirmed', 'notice_answered', 'email_confirmed', 'submitted'])
        assert.ok(events.includes(`binding.${event}`), event);
    });

    it('keeps the draft for another browser, and shows it in English', async () => {
      const { browser, page } = await start();
      await walkToApplicant(browser, page);
      const { browser: english, page: next } = await signInFamily(running(), 'H4', '/binding', 'en');
      assert.equal(pathOf(next), '/binding/applicant/1');
      assert.match(textOf(next.body), /Step 4 of 6/);
      assert.match(textOf((await english.open('/binding/student')).body), /Class Grade 11, Class 3/);
      assert.match(textOf((await english.open('/account')).body), /Continue the application/);
    });

    it('keeps what was typed on the way back, and asks for it on the way forward', async () => {
      const { browser, page } = await start();
      const applicant = await walkToApplicant(browser, page);
      const typed = { ...applicantFields({ ...APPLICANT, nationalId: 'Y12', email: '' }), back: 'yes' };
      const applicants = await browser.submit(applicant, typed);
      assert.equal(pathOf(applicants), '/binding/applicants');
      const notice = await browser.submit(applicants, { applicants: 'caregiver', valid_to: '2099-13', back: 'yes' });
      assert.equal(pathOf(notice), '/binding/notice');
      assert.equal(pathOf(await browser.submit(notice, { notice: 'disagree', back: 'yes' })), '/binding/student');
      const { row, applicants: stored } = await read();
      assert.deepEqual([row?.applicantKind, stored], ['one', []], 'nothing of it is in the application');
      const inputs = await running().container.store.read((tx) => listInputs(tx, row?.id ?? ''));
      assert.equal(inputs.length, 3);
      assert.ok(!JSON.stringify(inputs).includes('Y12'), 'stored sealed');
      // Another browser comes forward.
      const { browser: next, page: first } = await signInFamily(running(), 'H4');
      assert.equal(pathOf(first), '/binding/notice');
      assert.match(first.body, /value="disagree"[^>]* checked/);
      const second = await next.submit(first, { notice: 'agree' });
      assert.equal(pathOf(second), '/binding/applicants');
      assert.match(second.body, /value="caregiver"[^>]* checked/);
      assert.match(second.body, /value="2099-13"/);
      const third = await next.submit(second, { applicants: 'one', valid_to: '' });
      assert.equal(pathOf(third), '/binding/applicant/1');
      assert.match(third.body, /value="Y12"/);
      assert.equal(alertOf(third.body), '', 'nothing was sent');
      const email = unique('back');
      const evidence = await submitApplicant(next, third, mail, { ...APPLICANT, email });
      assert.equal(pathOf(evidence), '/binding/evidence');
      const before = await upload(next, evidence, [{ name: 'card.pdf', content: PDF }], { back: 'yes' });
      assert.equal(pathOf(before), '/binding/applicant/1');
      assert.equal(
        pathOf(await next.submit(before, { ...applicantFields({ ...APPLICANT, email }) })),
        '/binding/evidence',
      );
      assert.match((await next.open('/binding/evidence')).body, /card\.pdf/);
    });

    it('shows only steps in order, and redirects others to the right step', async () => {
      const { browser, page } = await start();
      for (const path of ['notice', 'applicants', 'applicant/1', 'applicant/2', 'evidence', 'summary']) {
        const answer = await browser.open(`/binding/${path}`);
        assert.equal(pathOf(answer), '/binding/student', path);
        assert.match(textOf(answer.body), /請先完成這一步/);
      }
      const { hidden } = formOf(page.body);
      for (const path of ['notice', 'applicants', 'applicant/1', 'summary', 'evidence/remove']) {
        const fields = {
          ...hidden,
          notice_version: '2',
          notice: 'agree',
          applicants: 'one',
          ...applicantFields(APPLICANT),
        };
        const answer = await browser.post(`/binding/${path}`, new URLSearchParams(fields));
        assert.equal(pathOf(answer), '/binding/student', path);
      }
      assert.equal((await read()).row?.applicantKind, null);
    });

    it('needs a confirmation of the student, or a report that the school reads', async () => {
      const { browser, page } = await start();
      const empty = await browser.submit(page, {});
      assert.equal(pathOf(empty), '/binding/student');
      assert.match(errorAt(empty, 'confirm_student'), /請勾選「資訊正確」/);
      const next = await browser.submit(empty, { report: '座號應該是 12' });
      assert.equal(pathOf(next), '/binding/notice');
      assert.ok((await read()).row?.reportSealed);
      assert.match((await browser.open('/binding/student')).body, /座號應該是 12<\/textarea>/);
    });

    it('ends with a receipt after a refusal, which can be changed later', async () => {
      const { browser, page } = await start();
      const notice = await browser.submit(page, { confirm_student: 'yes' });
      const missing = await browser.submit(notice, {});
      assert.notEqual(errorAt(missing, 'notice'), '');
      const receipt = await browser.submit(missing, { notice: 'disagree' });
      assert.equal(pathOf(receipt), '/binding');
      assert.equal(stateOf(receipt), 'draft');
      assert.match(textOf(receipt.body), /您的選擇已記錄.*不同意.*告知事項版本 2/);
      assert.doesNotMatch(receipt.body, /id="withdraw"/);
      const answer = await running().container.store.read((tx) => findLatestAnswer(tx, personId('S4')));
      assert.deepEqual([answer?.answer, answer?.noticeVersion, answer?.accountId], ['disagree', 2, personId('H4')]);
      const blocked = await browser.open('/binding/summary');
      assert.equal(pathOf(blocked), '/binding/notice');
      const changed = await browser.submit(await browser.open('/binding/notice'), { notice: 'agree' });
      assert.equal(pathOf(changed), '/binding/applicants');
    });

    it('deletes what was entered when the family refuses later', async () => {
      const { browser, page } = await start();
      await walkToSummary(browser, page, mail, { ...APPLICANT, email: unique('later') });
      await browser.submit(await browser.open('/binding/notice'), { notice: 'decline' });
      const { row, applicants } = await read();
      assert.equal(row?.applicantKind, null);
      assert.deepEqual(applicants, []);
      assert.doesNotMatch((await browser.open('/binding')).body, /id="withdraw"/, 'nothing is left to delete');
    });

    it('accepts a form only for the version that it was shown for, and keeps what was entered', async () => {
      const { browser, page } = await start();
      const applicant = await walkToApplicant(browser, page);
      const email = unique('version');
      await submitApplicant(browser, applicant, mail, { ...APPLICANT, email });
      const replayed = await browser.submit(applicant, applicantFields({ ...APPLICANT, name: '吳建民', email }));
      assert.equal(pathOf(replayed), '/binding/applicant/1');
      assert.match(alertOf(replayed.body), /已有變更/);
      assert.match(replayed.body, /value="吳建民"/);
      const again = await browser.submit(replayed, applicantFields({ ...APPLICANT, name: '吳建民', email }));
      assert.equal(pathOf(again), '/binding/evidence', 'the confirmed address stays confirmed');
    });

    it('is submitted once: a second submission leads to the status page', async () => {
      const { browser, page } = await start();
      const summary = await walkToSummary(browser, page, mail, { ...APPLICANT, email: unique('once') });
      const answers = await Promise.all([browser.submit(summary, {}), browser.submit(summary, {})]);
      for (const answer of answers) assert.ok(['submitted', 'draft'].includes(stateOf(answer) ?? ''));
      const again = await browser.submit(summary, {});
      assert.equal(stateOf(again), 'submitted');
      assert.doesNotMatch(again.body, /role="alert"/);
      const events = (await listAuditEvents(running(), 'S4')).filter((event) => event === 'binding.submitted');
      const change = await browser.post(
        '/binding/student',
        new URLSearchParams({ ...formOf(summary.body).hidden, confirm_student: 'yes' }),
      );
      assert.equal(pathOf(change), '/binding');
      assert.match(textOf(change.body), /剛才的操作沒有生效/);
      assert.equal(
        (await listAuditEvents(running(), 'S4')).filter((event) => event === 'binding.submitted').length,
        events.length,
      );
    });

    it('asks for the end of a delegation and for its document', async () => {
      const { browser, page } = await start();
      const applicants = await browser.submit(await browser.submit(page, { confirm_student: 'yes' }), {
        notice: 'agree',
      });
      for (const validTo of ['', '2027-02-30', '2020-01-01']) {
        const answer = await browser.submit(applicants, { applicants: 'caregiver', valid_to: validTo });
        assert.notEqual(errorAt(answer, 'valid_to'), '', validTo);
      }
      const form = await browser.submit(applicants, { applicants: 'caregiver', valid_to: '2099-01-20' });
      const typed = { ...APPLICANT, relation: 'grandmother', email: unique('care') };
      const evidence = await submitApplicant(browser, form, mail, typed);
      const missing = await upload(browser, evidence, []);
      assert.match(errorAt(missing, 'evidence'), /需要證明文件/);
      const summary = await upload(browser, missing, [{ name: 'letter.pdf', content: PDF }]);
      assert.equal(pathOf(summary), '/binding/summary');
      assert.match(textOf(summary.body), /委託至 2099年1月20日/);
    });

    it('is withdrawn after a confirmation, which deletes what was entered', async () => {
      const { browser, page } = await start();
      await walkToSummary(browser, page, mail, { ...APPLICANT, email: unique('withdraw') });
      const { row } = await read();
      const confirmation = await browser.open('/binding/withdraw');
      const done = await browser.submit(confirmation, {});
      assert.equal(stateOf(done), 'withdrawn');
      assert.doesNotMatch((await browser.submit(confirmation, {})).body, /role="alert"/, 'a second press');
      assert.deepEqual(await running().container.store.read((tx) => listApplicants(tx, row?.id ?? '')), []);
      const next = await browser.submit(done, {});
      assert.equal(pathOf(next), '/binding/student');
    });

    it('is reached by school accounts only, and each reaches its own', async () => {
      const { page } = await start();
      assert.match(textOf(page.body), /吳小華/);
      const { page: other } = await signInFamily(running(), 'H6');
      assert.match(textOf(other.body), /林可欣/);
      const { httpBrowser } = await signInToAccount(running(), LOGIN.G2);
      const refused = await httpBrowser.open('/binding');
      assert.equal(refused.status, 403);
      assert.match(textOf(refused.body), /請使用孩子的學校帳號登入/);
      assert.ok(textOf(refused.body).includes(LOGIN.G2));
      assert.match(refused.body, /href="tel:/);
      const link = /id="school-sign-in"[^>]*href="([^"]+)"/.exec(refused.body)?.[1]?.replaceAll('&amp;', '&');
      assert.ok(link);
      assert.match((await httpBrowser.open(link)).url, /\/school$/);
    });

    it('names the app that the family came from, and links back to it', async () => {
      const { browser } = await start();
      const page = await browser.open('/binding?client=app');
      assert.match(textOf(page.body), /前往：/);
      const unknown = await browser.open('/binding?client=nothing');
      assert.match(textOf(unknown.body), /前往：/);
      assert.equal((await read()).row?.clientId, 'app');
    });

    it('remembers the language of the submission for the mails about the decision', async () => {
      const email = unique('english');
      const { browser, page } = await start('en');
      await browser.submit(await walkToSummary(browser, page, mail, { ...APPLICANT, email }), {});
      const { browser: teacher, answer } = await signInStaff(running(), 'T2', '/console/applications');
      const [, id = ''] = /data-application="([^"]+)"/.exec(answer.body) ?? [];
      await teacher.submit(await teacher.open(`/console/applications/${id}`), { decision: 'approve', reason: '' });
      assert.match((await mailTo(mail, email, 'You are now linked to your child')).text, /The school approved/);
      assert.ok((await listAuditEvents(running(), 'H4')).includes('person.locale_changed'));
    });
  },
);
