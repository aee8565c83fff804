/** The applicants of an application: their fields, and the codes that confirm their email addresses. */
import assert from 'node:assert/strict';
import { it } from 'node:test';

import { SESSION_POLICY } from '../../src/domain/throttling/request-rates.ts';
import { findOpenApplication, listApplicants } from '../../src/store/binding/applications.ts';
import {
  APPLICANT,
  applicantFields,
  codesTo,
  signInFamily,
  startOver,
  submitApplicant,
  walkToApplicant,
  walkToSummary,
} from '../helpers/binding.ts';
import { errorAt, personId } from '../helpers/city.ts';
import { DAY, HOUR, MINUTE, useFrozenTime } from '../helpers/frozen-time.ts';
import { alertOf, formOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { pollUntil } from '../helpers/poll.ts';
import { formHeaders } from '../helpers/raw-http.ts';
import { createRegistration, newSecret } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { useMailCatcher } from '../helpers/mail.ts';

const mail = useMailCatcher();
const time = useFrozenTime();

const pathOf = ({ url }: Answer): string => new URL(url).pathname;

eachService(
  'an applicant',
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

    it('names each wrong field of an applicant and keeps what was entered', async () => {
      const { browser, page } = await start();
      const applicant = await walkToApplicant(browser, page);
      const typed = {
        ...{ name: '<script>alert(1)</script>', relation: 'grandmother', nationalId: 'Y100100506' },
        ...{ mobile: '02-27251111', email: 'nobody' },
      };
      const answer = await browser.submit(applicant, applicantFields(typed));
      assert.equal(pathOf(answer), '/binding/applicant/1');
      for (const name of ['name', 'relation', 'national_id', 'mobile', 'email'])
        assert.notEqual(errorAt(answer, `${name}_1`), '', name);
      assert.ok(!answer.body.includes('<script>alert'));
      assert.match(answer.body, /value="02-27251111"/);
      const empty = await browser.submit(applicant, {});
      assert.match(errorAt(empty, 'name_1'), /請輸入申請人姓名/);
      const nul = await browser.submit(applicant, applicantFields({ ...APPLICANT, name: '吳\0建宏' }));
      assert.equal(nul.status, 400);
      assert.deepEqual((await read()).applicants, []);
    });

    it('accepts every form of ID in any spelling', async () => {
      const { browser, page } = await start();
      let form = await walkToApplicant(browser, page);
      for (const nationalId of ['ｙ１００１００５０５', 'y100 100 505', 'Y800100803']) {
        time.advance(HOUR);
        const answer = await browser.submit(form, applicantFields({ ...APPLICANT, nationalId, email: unique('ids') }));
        assert.equal(errorAt(answer, 'national_id_1'), '', nationalId);
        form = await browser.open('/binding/applicant/1');
      }
    });

    it('rejects the ID of the student, one person twice, and one email address twice', async () => {
      const { browser, page } = await start();
      const first = await walkToApplicant(browser, page, 'two');
      const email = unique('first');
      const own = await browser.submit(first, applicantFields({ ...APPLICANT, nationalId: 'Y200200404', email }));
      assert.match(errorAt(own, 'national_id_1'), /學生本人的號碼/);
      const second = await submitApplicant(browser, own, mail, { ...APPLICANT, email });
      assert.equal(pathOf(second), '/binding/applicant/2');
      const mother = { ...APPLICANT, name: '林美', relation: 'mother', email: unique('second') };
      const without = await browser.submit(second, applicantFields({ ...mother, email: '' }, 2));
      assert.match(errorAt(without, 'email_2'), /父母一位申辦/);
      const same = await browser.submit(second, applicantFields(mother, 2));
      assert.match(errorAt(same, 'national_id_2'), /不可以是同一人/);
      const other = { ...mother, nationalId: 'Y200100301' };
      const shared = await browser.submit(same, applicantFields({ ...other, email }, 2));
      assert.match(errorAt(shared, 'email_2'), /不可共用電子郵件/);
      const evidence = await submitApplicant(browser, shared, mail, other, 2);
      assert.equal(pathOf(evidence), '/binding/evidence');
    });

    it('closes a code after five wrong ones and after 30 minutes, and limits new codes', async () => {
      const { browser, page } = await start();
      const email = unique('codes');
      const fields = applicantFields({ ...APPLICANT, email });
      let answer = await browser.submit(await walkToApplicant(browser, page), fields);
      const [code = ''] = await pollUntil('the code', () =>
        codesTo(mail, email).length > 0 ? codesTo(mail, email) : undefined,
      );
      const wrong = code === '000000' ? '000001' : '000000';
      for (let left = 4; left > 0; left -= 1) {
        answer = await browser.submit(answer, { ...fields, email_code_1: wrong });
        assert.match(errorAt(answer, 'email_code_1'), new RegExp(`${String(left)} 次`));
      }
      answer = await browser.submit(answer, { ...fields, email_code_1: wrong });
      assert.match(errorAt(answer, 'email_code_1'), /已失效/);
      answer = await browser.submit(answer, { ...fields, email_code_1: code });
      assert.match(errorAt(answer, 'email_code_1'), /已失效/);
      answer = await browser.submit(answer, { ...fields, new_code: 'yes' });
      const [next = ''] = await pollUntil('the next code', () =>
        codesTo(mail, email).length > 1 ? codesTo(mail, email) : undefined,
      );
      time.advance(31 * MINUTE);
      answer = await browser.submit(answer, { ...fields, email_code_1: next });
      assert.match(errorAt(answer, 'email_code_1'), /已失效/);
      for (let count = 0; count < 8 && !alertOf(answer.body).includes('太多'); count += 1)
        answer = await browser.submit(answer, { ...fields, new_code: 'yes' });
      assert.match(answer.headers.get('retry-after') ?? '', /^\d+$/);
      assert.match(alertOf(answer.body), /寄出的驗證碼太多/);
      assert.match(answer.body, new RegExp(`value="${email}"`));
      time.advance(DAY);
      assert.equal(alertOf((await browser.open('/binding/applicant/1')).body), '', 'the limit has ended');
    });

    it('keeps a typed code on the way back', async () => {
      const { browser, page } = await start();
      const fields = applicantFields({ ...APPLICANT, email: unique('typed') });
      const coded = await browser.submit(await walkToApplicant(browser, page), fields);
      const back = await browser.submit(coded, { ...fields, email_code_1: '12 34', back: 'yes' });
      assert.equal(pathOf(back), '/binding/applicants');
      const again = await browser.submit(back, { applicants: 'one' });
      assert.match(again.body, /name="email_code_1"[^>]* value="12 34"/);
      assert.equal(errorAt(again, 'email_code_1'), '');
    });

    it('keeps the application open while a change of an applicant is not sent', async () => {
      const { browser, page } = await start();
      const email = unique('unsent');
      const summary = await walkToSummary(browser, page, mail, { ...APPLICANT, email });
      const form = await browser.open('/binding/applicant/1');
      const changed = { ...applicantFields({ ...APPLICANT, name: '吳建民', email }), back: 'yes' };
      const applicants = await browser.submit(form, changed);
      assert.equal(pathOf(await browser.submit(summary, {})), '/binding/applicant/1', 'asks for the change first');
      const again = await browser.submit(applicants, { applicants: 'one' });
      assert.equal(pathOf(again), '/binding/applicant/1');
      assert.match(again.body, /value="吳建民"/);
      const unchanged = { ...applicantFields({ ...APPLICANT, email }), back: 'yes' };
      const restored = await browser.submit(await browser.submit(again, unchanged), { applicants: 'one' });
      assert.equal(pathOf(restored), '/binding/summary', 'nothing differs from what was sent');
      const status = await browser.submit(restored, {});
      assert.equal((await read()).row?.state, 'submitted');
      assert.match(textOf(status.body), /吳建宏/);
    });

    it('redirects after a rejected form, so that a reload and the history send nothing', async () => {
      const { browser, page } = await start();
      const applicant = await walkToApplicant(browser, page);
      const { hidden } = formOf(applicant.body);
      const typed = { ...hidden, ...applicantFields({ ...APPLICANT, nationalId: 'Y100100506' }) };
      const { issuer } = running();
      const response = await fetch(`${issuer}/binding/applicant/1`, {
        method: 'POST',
        redirect: 'manual',
        headers: formHeaders(issuer, await browser.jar.getCookieString(issuer)),
        body: new URLSearchParams(typed),
      });
      assert.deepEqual([response.status, response.headers.get('location')], [303, '/binding/applicant/1']);
      for (const again of [await browser.open('/binding/applicant/1'), (await signInFamily(running(), 'H4')).page]) {
        assert.match(errorAt(again, 'national_id_1'), /號碼|不正確/);
        assert.match(again.body, /value="Y100100506"/);
      }
      const { page: english } = await signInFamily(running(), 'H4', '/binding', 'en');
      assert.match(errorAt(english, 'national_id_1'), /not valid/);
    });

    it('limits the forms of a session, because a rejected one is stored too', async () => {
      const { browser } = await start();
      const { issuer } = running();
      const headers = formHeaders(issuer, await browser.jar.getCookieString(issuer));
      // Forms with a repeated field count, and store nothing.
      const post = (body: string): Promise<Response> =>
        fetch(`${issuer}/binding/student`, { method: 'POST', redirect: 'manual', headers, body });
      for (let count = 0; count < SESSION_POLICY.capacity; count += 1) {
        const { status } = await post('report=one&report=two');
        if (status === 429) break;
        assert.equal(status, 400);
      }
      const refused = await post('version=1');
      assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '10']);
      assert.equal((await browser.open('/binding/student')).status, 200);
    });

    it('needs a new code for another email address', async () => {
      const { browser, page } = await start();
      const evidence = await submitApplicant(browser, await walkToApplicant(browser, page), mail, {
        ...APPLICANT,
        email: unique('a'),
      });
      assert.equal(pathOf(evidence), '/binding/evidence');
      const form = await browser.open('/binding/applicant/1');
      const coded = await browser.submit(form, applicantFields({ ...APPLICANT, email: unique('b') }));
      assert.match(coded.body, /name="email_code_1"/);
      assert.equal(pathOf(await browser.open('/binding/summary')), '/binding/applicant/1');
    });
  },
);
