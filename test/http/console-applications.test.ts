/** The review of applications of families in the console, and the effect of an approval. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { eq } from 'drizzle-orm';
import type { Message } from '../../demo/mail-catcher.ts';
import { sealApplicant, type ApplicantData } from '../../src/services/binding/applicant-data.ts';
import { NEW_FATHER, storeApplication } from '../helpers/applications.ts';
import { interactionOf, LOGIN, tokensFor, userinfo } from '../helpers/authorization-flow.ts';
import { listAuditEvents, personId, signInToAccount } from '../helpers/city.ts';
import { alertOf, createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { linkIn, mailsTo, useMailCatcher } from '../helpers/mail.ts';
import { pollUntil } from '../helpers/poll.ts';
import { createParty, createRegistration, newSecret } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff } from '../helpers/staff.ts';

const SECRET = newSecret();
const SCOPE = 'openid profile roles children children.profile';
const OWN = 'eleven quiet otters swim';
const APPROVED = '親子綁定已完成';
const NEW_MOTHER: ApplicantData = {
  ...{ name: '林美惠', relation: 'mother', nationalId: 'Y200500203' },
  ...{ mobile: '+886900000502', email: 'meihui.lin@parents.example' },
};
/** G2, with an address that her account does not have. */
const LI_MEILING: ApplicantData = {
  ...{ name: '李美玲', relation: 'mother', nationalId: 'Y200100301' },
  ...{ mobile: '+886900000102', email: 'another.address@parents.example' },
};

const stateOn = ({ body }: Answer): string | undefined => /data-application-state="([^"]+)"/.exec(body)?.[1];
const all = ({ body }: Answer, name: string): string[] =>
  [...body.matchAll(new RegExp(`data-${name}="([^"]+)"`, 'g'))].map(([, value = '']) => value);

const mail = useMailCatcher();

eachService(
  'the review of an application',
  () => ({
    clients: [createRegistration('portfolio', SECRET, { scopes: SCOPE.split(' '), permissions: ['portfolio:read'] })],
    smtpUrl: mail.smtpUrl,
  }),
  (running) => {
    let teacher: HttpBrowser;
    let registrar: HttpBrowser;
    let bureau: HttpBrowser;
    before(async () => {
      ({ browser: teacher } = await signInStaff(running(), 'T2'));
      ({ browser: registrar } = await signInStaff(running(), 'A2'));
      ({ browser: bureau } = await signInStaff(running(), 'B1'));
    });
    // Both services of the file send to one catcher.
    const sentTo = (address: string, subject: string): Message[] =>
      mailsTo(mail, address, subject).filter(({ text }) => text.includes(running().issuer));
    const mailed = (address: string, subject: string): Promise<Message> =>
      pollUntil(`mail to ${address}`, () => sentTo(address, subject)[0]);
    const pathOf = (id: string): string => `/console/applications/${id}`;
    const decide = async (browser: HttpBrowser, id: string, decision: string, reason = ''): Promise<Answer> =>
      browser.submit(await browser.open(pathOf(id)), { decision, reason });
    const setState = (id: string, state: 'submitted' | 'withdrawn'): Promise<unknown> =>
      running().container.store.write(({ db, tables: { bindingApplications } }) =>
        db.update(bindingApplications).set({ state }).where(eq(bindingApplications.id, id)),
      );
    const childrenAt = async (browser: HttpBrowser): Promise<string> => {
      const party = await createParty(running().issuer, { id: 'portfolio', scope: SCOPE, secret: SECRET });
      const tokens = await tokensFor(party, browser, { choice: ['家長'] });
      const { body } = await userinfo(party, tokens.access_token);
      return JSON.stringify(body['children']);
    };
    const countPersons = async (nationalId: string): Promise<number> => {
      const { store, secrets } = running().container;
      const { nationalIdLookup } = sealApplicant(
        secrets,
        { applicationId: 'x', position: 1 },
        { ...NEW_FATHER, nationalId },
      );
      const rows = await store.read((tx) =>
        tx.db.select().from(tx.tables.persons).where(eq(tx.tables.persons.nationalIdLookup, nationalIdLookup)),
      );
      return rows.length;
    };

    it('approves a new guardian, who signs in with the first password and sees this child only', async () => {
      const id = await storeApplication(running());
      const queue = await teacher.open('/console/applications');
      assert.deepEqual(all(queue, 'application'), [id]);
      assert.match(queue.body, /<td[^>]*>示範高中 \S+ 21 號<\/td>/);
      const page = await teacher.open(pathOf(id));
      assert.equal(stateOn(page), 'submitted');
      assert.match(textOf(page.body), /吳小華.*吳大偉.*不顯示.*尚無帳號/);
      const done = await teacher.submit(page, { decision: 'approve', reason: '' });
      assert.equal(done.status, 200, alertOf(done.body));
      assert.equal(stateOn(done), 'approved');
      assert.deepEqual(all(done, 'note'), ['created', 'first_password']);
      assert.doesNotMatch(textOf(done.body), /核准後/);
      const english = await teacher.open(`/language?to=en&back=${pathOf(id)}`);
      assert.match(textOf(english.body), /吳大偉 · Father · Active/);
      await teacher.open('/language?to=zh-TW&back=/console');
      assert.ok((await listAuditEvents(running(), 'S4')).includes('staff.review_application'));
      const sent = await mailed(NEW_FATHER.email, APPROVED);
      assert.match(linkIn(sent), /\/reset-password\?token=/);
      const first = await signInToAccount(running(), NEW_FATHER.email, '500103');
      assert.equal(interactionOf(first.answer), 'new_password');
      const { httpBrowser } = first;
      const typed = { current_password: '500103', new_password: OWN, confirm_password: OWN };
      await httpBrowser.submit(first.answer, typed);
      const children = await childrenAt(httpBrowser);
      assert.match(children, /"name":"吳小華"/);
      assert.equal(children.match(/"name"/g)?.length, 1);
      const again = await teacher.submit(page, { decision: 'approve', reason: '' });
      assert.equal(again.status, 409);
      assert.match(textOf(again.body), /沒有生效/);
      assert.equal(sentTo(NEW_FATHER.email, APPROVED).length, 1);
      assert.equal((await signInToAccount(running(), NEW_FATHER.mobile, OWN)).answer.status, 200);
    });

    it('opens the account with the link of the mail, in place of the first password', async () => {
      const id = await storeApplication(running(), { applicants: [NEW_MOTHER] });
      assert.equal(stateOn(await decide(registrar, id, 'approve')), 'approved');
      const link = linkIn(await mailed(NEW_MOTHER.email, APPROVED));
      const browser = createHttpBrowser(running().issuer);
      const form = await browser.open(link);
      assert.match(textOf(form.body), /設定您的密碼.*第一次使用這個帳號/);
      assert.doesNotMatch(textOf(form.body), /舊密碼/);
      const set = await browser.submit(form, { new_password: OWN, confirm_password: OWN });
      assert.match(textOf(set.body), /密碼設定完成.*您的帳號已啟用/);
      const { answer } = await signInToAccount(running(), NEW_MOTHER.email, '500203');
      assert.notEqual(interactionOf(answer), 'new_password');
      assert.equal((await signInToAccount(running(), NEW_MOTHER.email, OWN)).answer.status, 200);
    });

    it('names the relation of a caregiver in the mail', async () => {
      const relation = 'grandfather' as const;
      const applicant = { ...NEW_FATHER, nationalId: 'Y100500407', email: 'care@parents.example', relation };
      const kind = { applicantKind: 'caregiver' as const, validTo: '2099-01-20' };
      const id = await storeApplication(running(), { ...kind, applicants: [applicant] });
      assert.equal(stateOn(await decide(registrar, id, 'approve')), 'approved');
      assert.match((await mailed(applicant.email, '受託照顧者綁定已完成')).text, /以受託照顧者身分與 吳小華 綁定/);
      assert.deepEqual(sentTo(applicant.email, APPROVED), []);
    });

    it('returns and rejects with a reason that the applicants read', async () => {
      for (const [decision, state, subject] of [
        ['return', 'returned', '需要修正'],
        ['reject', 'rejected', '未獲核准'],
      ] as const) {
        const email = `${decision}@parents.example`;
        const applicant = { ...NEW_FATHER, nationalId: 'Y100500309', email };
        const id = await storeApplication(running(), { applicants: [applicant] });
        const empty = await decide(teacher, id, decision);
        assert.equal(empty.status, 422);
        assert.match(empty.body, /id="reason-error"/);
        const done = await decide(teacher, id, decision, 'the letter <b>is</b> missing');
        assert.equal(stateOn(done), state);
        const { text } = await mailed(email, subject);
        assert.match(text, /吳小華[\s\S]*the letter <b>is<\/b> missing/);
        assert.doesNotMatch(done.body, /<b>is/);
        const list = await teacher.open(`/console/applications?state=${state}`);
        assert.deepEqual(all(list, 'application'), [id]);
        // The family may be changing a returned application.
        assert.equal(all(done, 'applicant').length, state === 'returned' ? 0 : 1);
        assert.equal(textOf(done.body).includes('家長修正並再次送出後'), state === 'returned');
        if (state === 'returned') await setState(id, 'withdrawn');
      }
      assert.equal(await countPersons('Y100500309'), 0);
    });

    it('mails a return and a rejection in the language of the family', async () => {
      const { store } = running().container;
      const setLocale = (locale: string | null): Promise<unknown> =>
        store.write(({ db, tables: { persons } }) =>
          db
            .update(persons)
            .set({ locale })
            .where(eq(persons.id, personId('H4'))),
        );
      await setLocale('en');
      const applicant = { ...NEW_FATHER, nationalId: 'Y100500309', email: 'english@parents.example' };
      const id = await storeApplication(running(), { applicants: [applicant] });
      for (const [decision, subject, sentence] of [
        ['return', 'Your application needs a correction', /The school returned your application for 吳小華/],
        ['reject', 'Your application was not approved', /The school .* 吳小華/],
      ] as const) {
        assert.equal((await decide(teacher, id, decision, 'the letter is missing')).status, 200);
        const { text } = await mailed(applicant.email, subject);
        assert.match(text, sentence);
        assert.match(text, /the letter is missing/);
        await setState(id, 'submitted');
      }
      await store.write(({ db, tables: { bindingApplications } }) =>
        db.delete(bindingApplications).where(eq(bindingApplications.id, id)),
      );
      await setLocale(null);
    });

    it('adds the child to an existing account, which keeps its email and password', async () => {
      const id = await storeApplication(running(), { student: 'S3', account: 'H1', applicants: [LI_MEILING] });
      const page = await registrar.open(pathOf(id));
      assert.match(textOf(page.body), /Y2•••••301.*已有帳號/);
      const done = await registrar.submit(page, { decision: 'approve', reason: '' });
      assert.deepEqual(all(done, 'note'), ['joined', 'email_kept']);
      assert.equal(await countPersons(LI_MEILING.nationalId), 1);
      const { text } = await mailed(LOGIN.G2, APPROVED);
      assert.doesNotMatch(text, /reset-password/);
      assert.deepEqual(sentTo(LI_MEILING.email, APPROVED), []);
      const { httpBrowser, answer } = await signInToAccount(running(), LOGIN.G2);
      assert.equal(answer.status, 200);
      const party = await createParty(running().issuer, { id: 'portfolio', scope: SCOPE, secret: SECRET });
      const tokens = await tokensFor(party, httpBrowser, { choice: ['陳以恩'] });
      assert.match(JSON.stringify((await userinfo(party, tokens.access_token)).body['children']), /陳以恩/);
      assert.notEqual((await signInToAccount(running(), LI_MEILING.email)).answer.status, 200);
    });

    it('names each conflict that forbids an approval, and refuses a forged one', async () => {
      const other = { ...NEW_FATHER, nationalId: 'Y100500309', email: 'x@parents.example', mobile: '+886900000777' };
      const cases: [string, Parameters<typeof storeApplication>[1]][] = [
        ['email_taken', { applicants: [{ ...other, email: LOGIN.G2 }] }],
        ['same_person', { applicants: [other, { ...other, email: 'y@parents.example' }] }],
        ['same_email', { applicants: [other, { ...other, nationalId: 'Y100100603' }] }],
        ['student_applies', { applicants: [{ ...other, nationalId: 'Y200200404' }] }],
        ['already_bound', { applicants: [NEW_FATHER] }],
        ['delegation_over', { applicants: [other], applicantKind: 'caregiver', validTo: '2020-01-01' }],
        ['suspended', { student: 'S5', applicants: [{ ...other, name: '周建國', nationalId: 'Y100100603' }] }],
      ];
      for (const [conflict, application] of cases) {
        const id = await storeApplication(running(), application);
        const page = await bureau.open(pathOf(id));
        assert.ok(all(page, 'conflict').includes(conflict), `${conflict}: ${all(page, 'conflict').join()}`);
        assert.doesNotMatch(page.body, /value="approve"/);
        const forged = await bureau.submit(page, { decision: 'approve', reason: '' });
        assert.equal(forged.status, 422, conflict);
        assert.equal(stateOn(forged), 'submitted');
        assert.equal(stateOn(await decide(bureau, id, 'reject', conflict)), 'rejected');
      }
      assert.equal(await countPersons(other.nationalId), 0);
    });

    it('starts the guardianship of an adult student suspended', async () => {
      const { store, secrets } = running().container;
      const birthDateSealed = secrets.seal('birth-date', personId('S3'), '2000-01-01');
      await store.write((tx) =>
        tx.db
          .update(tx.tables.persons)
          .set({ birthDateSealed })
          .where(eq(tx.tables.persons.id, personId('S3'))),
      );
      const applicant = { ...NEW_FATHER, nationalId: 'Y100500309', email: 'adult@parents.example' };
      const id = await storeApplication(running(), { student: 'S3', account: 'H1', applicants: [applicant] });
      assert.match(textOf((await teacher.open(pathOf(id))).body), /要等學生本人同意，才能查看學生的資料/);
      const done = await decide(teacher, id, 'approve');
      assert.deepEqual(all(done, 'note'), ['created', 'mobile_not_added', 'first_password', 'awaits_consent']);
      const states = await store.read((tx) =>
        tx.db
          .select({ state: tx.tables.guardianships.state })
          .from(tx.tables.guardianships)
          .where(eq(tx.tables.guardianships.guardianId, all(done, 'result')[0] ?? '')),
      );
      assert.deepEqual(states, [{ state: 'suspended' }]);
      // The guardianship awaits the consent. The school has not suspended it.
      const other = { ...NEW_MOTHER, nationalId: 'Y200500301', email: 'adult.mother@parents.example' };
      const both = { student: 'S3' as const, account: 'H1' as const, applicants: [applicant, other] };
      const second = await teacher.open(pathOf(await storeApplication(running(), both)));
      const found = all(second, 'conflict');
      assert.ok(found.includes('adult_student') && found.includes('already_bound'), found.join());
      assert.equal(found.includes('family_suspended') || found.includes('suspended'), false, found.join());
      assert.match(textOf(second.body), /目前無法核准，原因見上方的說明/);
    });

    it('shows a withdrawn application without a reviewer', async () => {
      const id = await storeApplication(running(), { state: 'withdrawn', decidedAt: Date.now() });
      const page = await teacher.open(pathOf(id));
      assert.equal(stateOn(page), 'withdrawn');
      assert.doesNotMatch(textOf(page.body), /自動核准/);
    });

    it('is refused to applicants and guardians, and not found by other staff', async () => {
      const content = Buffer.from('%PDF-1.7 evidence');
      const files = [{ name: 'letter.html', contentType: 'application/pdf', content }];
      const ofTeacher = { ...NEW_FATHER, name: '林志豪', nationalId: 'Y100100407' };
      const own = await storeApplication(running(), { applicants: [ofTeacher], files });
      const denied = await teacher.open(pathOf(own));
      assert.equal(denied.status, 403);
      assert.match(textOf(denied.body), /不能審核這份申請/);
      assert.doesNotMatch(denied.body, /Y1|dawei/);
      const forged = { decision: 'approve', version: '3', reason: '' };
      assert.equal((await teacher.post(pathOf(own), new URLSearchParams(forged))).status, 403);
      const page = await registrar.open(pathOf(own));
      const [file = ''] = all(page, 'file');
      assert.equal((await teacher.open(`${pathOf(own)}/evidence/${file}`)).status, 404);
      const opened = await registrar.open(`${pathOf(own)}/evidence/${file}`);
      assert.equal(opened.body, content.toString());
      assert.equal(opened.headers.get('content-type'), 'application/pdf');
      assert.match(opened.headers.get('content-disposition') ?? '', /^attachment; filename="letter.html"/);
      assert.equal(opened.headers.get('x-content-type-options'), 'nosniff');
      assert.match(opened.headers.get('content-security-policy') ?? '', /sandbox/);
      assert.ok((await listAuditEvents(running(), 'S4')).includes('application.file_opened'));
      await decide(registrar, own, 'reject', 'test');
      const elsewhere = await storeApplication(running(), {
        student: 'S6',
        account: 'H6',
        schoolCode: '993302',
        files,
      });
      const draft = await storeApplication(running(), { state: 'draft', submittedAt: null });
      const { browser: desk } = await signInStaff(running(), 'A1');
      for (const browser of [teacher, registrar, desk]) {
        for (const id of [elsewhere, draft, 'x']) {
          assert.equal((await browser.open(pathOf(id))).status, 404);
          assert.equal((await browser.post(pathOf(id), new URLSearchParams(forged))).status, 404);
          assert.equal((await browser.open(`${pathOf(id)}/evidence/x`)).status, 404);
        }
        assert.equal((await browser.open('/console/applications?school=993302')).body.includes(elsewhere), false);
      }
      assert.equal((await desk.open('/console/applications')).status, 404);
    });
  },
);
