import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import { eq } from 'drizzle-orm';
import { ADULTS } from '../../demo/city/fixtures.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { errorAt, listAuditEvents, personId, setStatus } from '../helpers/city.ts';
import { DAY, MINUTE, SECOND, useFrozenTime } from '../helpers/frozen-time.ts';
import { alertOf, createHttpBrowser, textOf, type Answer } from '../helpers/http-browser.ts';
import { solveHumanCheck } from '../helpers/human-check.ts';
import { mailsTo, mailTo, useMailCatcher } from '../helpers/mail.ts';
import { pollUntil } from '../helpers/poll.ts';
import { eachService } from '../helpers/service-matrix.ts';

const SUBJECT = '您的登入帳號';
const ID = ADULTS.G2.nationalId;
const MOBILE = '0900000102';
const mail = useMailCatcher();
const time = useFrozenTime();

eachService(
  'a forgotten account',
  () => ({ clients: [], smtpUrl: mail.smtpUrl }),
  (running) => {
    beforeEach(() => {
      time.advance(DAY);
    });
    const browse = (): ReturnType<typeof createHttpBrowser> => createHttpBrowser(running().issuer);
    const ask = async (national_id: string, contact: string): Promise<Answer> => {
      const browser = browse();
      const page = await browser.open('/forgot-account');
      return browser.submit(page, { national_id, contact, ...(await solveHumanCheck(page)) });
    };
    const outcomes = async (): Promise<string[]> => {
      const rows = await running().container.store.read((tx) =>
        tx.db.select().from(tx.tables.audit).orderBy(tx.tables.audit.seq),
      );
      return rows.filter(({ event }) => event === 'account_reminder.requested').map(({ outcome }) => outcome);
    };
    const reminders = (): number => mailsTo(mail, LOGIN.G2, SUBJECT).length;

    it('is answered by mail to the address on file, for an email address and a mobile number', async () => {
      for (const contact of [MOBILE, LOGIN.G2.toUpperCase()]) {
        const before = reminders();
        const answer = await ask(` ${ID.toLowerCase()} `, contact);
        assert.equal(answer.status, 200);
        assert.doesNotMatch(textOf(answer.body), new RegExp(`${LOGIN.G2}|${MOBILE}`));
        await pollUntil('the mail', () => reminders() > before);
        const { text } = await mailTo(mail, LOGIN.G2, SUBJECT);
        assert.match(text, new RegExp(`^\\s*${LOGIN.G2}\\s*$`, 'm'));
        assert.match(text, new RegExp(`^\\s*${MOBILE}\\s*$`, 'm'));
        assert.ok(!text.includes(ID));
      }
      assert.deepEqual(await outcomes(), ['ok', 'ok']);
      await ask(ID, LOGIN.G5);
      assert.deepEqual(await outcomes(), ['ok', 'ok', 'refused'], 'without a match');
      assert.ok((await listAuditEvents(running(), 'G2')).includes('account_reminder.requested'));
    });

    it('is answered in the language of the page if that of the person is not known', async () => {
      const english = createHttpBrowser(running().issuer, 'en');
      const askInEnglish = async (): Promise<void> => {
        const page = await english.open('/forgot-account');
        await english.submit(page, { national_id: ID, contact: MOBILE, ...(await solveHumanCheck(page)) });
      };
      const setLocale = (locale: string | null): Promise<unknown> =>
        running().container.store.write(({ db, tables: { persons } }) =>
          db
            .update(persons)
            .set({ locale })
            .where(eq(persons.id, personId('G2'))),
        );
      const before = reminders();
      await askInEnglish();
      await pollUntil('the mail in the language of the person', () => reminders() > before);
      await setLocale(null);
      await askInEnglish();
      await mailTo(mail, LOGIN.G2, 'Your accounts');
      await setLocale('zh-TW');
    });

    it('has the same page and time for every outcome', async () => {
      await setStatus(running(), 'G4', 'disabled');
      const known = await ask(ID, MOBILE);
      for (const [id, contact] of [
        [ID, LOGIN.G5],
        ['A123456789', LOGIN.G2],
        [ADULTS.G4.nationalId, LOGIN.G4],
        ['not an ID', 'not a contact'],
      ] as const) {
        const start = performance.now();
        const answer = await ask(id, contact);
        assert.ok(performance.now() - start > 250);
        assert.deepEqual([answer.status, answer.body], [known.status, known.body], contact);
      }
      await setStatus(running(), 'G4', 'active');
      assert.equal(mailsTo(mail, LOGIN.G4, SUBJECT).length, 0);
    });

    it('sends at most three mails to a person in half an hour, with the same page', async () => {
      const before = reminders();
      const answers: Answer[] = [];
      for (let i = 0; i < 4; i += 1) answers.push(await ask(ID, MOBILE));
      assert.equal(new Set(answers.map(({ body }) => body)).size, 1);
      await pollUntil('three mails', () => reminders() === before + 3);
      time.advance(30 * MINUTE);
      await ask(ID, MOBILE);
      await pollUntil('one more', () => reminders() === before + 4);
    });

    it('requires both values, and keeps them', async () => {
      const browser = browse();
      const answer = await browser.submit(await browser.open('/forgot-account'), { national_id: '', contact: MOBILE });
      // Redirected, so reloading sends nothing again.
      assert.deepEqual([answer.status, new URL(answer.url).search], [422, '?rejected']);
      assert.equal(errorAt(answer, 'national_id'), '請輸入身分證統一編號。');
      assert.ok(answer.body.includes(`value="${MOBILE}"`));
    });

    it('needs a solved challenge, which works once', async () => {
      const browser = browse();
      const page = await browser.open('/forgot-account');
      const solved = { national_id: ID, contact: MOBILE, ...(await solveHumanCheck(page)) };
      assert.equal((await browser.submit(page, solved)).status, 200);
      const again = await browser.submit(page, solved);
      assert.equal(again.status, 422);
      assert.match(alertOf(again.body), /請再按一次按鈕/);
      assert.equal((await browser.submit(again, { ...solved, ...(await solveHumanCheck(again)) })).status, 200);
    });

    it('lets one of two concurrent uses of a challenge pass', async () => {
      const browser = browse();
      const page = await browser.open('/forgot-account');
      const solved = { national_id: ID, contact: MOBILE, ...(await solveHumanCheck(page)) };
      const answers = await Promise.all([browser.submit(page, solved), browser.submit(page, solved)]);
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 422]);
    });

    it('rejects a changed, guessed, expired or missing challenge', async () => {
      const browser = browse();
      const page = await browser.open('/forgot-account');
      const { human_check: solved } = await solveHumanCheck(page);
      const text = Buffer.from(solved, 'base64url').toString('utf8');
      const change = (from: RegExp, to: string): string => Buffer.from(text.replace(from, to)).toString('base64url');
      for (const value of [
        '',
        'x',
        change(/"derivedKey":"../, '"derivedKey":"zz'),
        change(/"issuedAt":\d+/, '"issuedAt":1'),
        change(/"form":"forgot-account"/, '"form":"sign-in"'),
        change(/"cost":2000/, '"cost":1'),
      ]) {
        const answer = await browser.submit(page, { national_id: ID, contact: MOBILE, human_check: value });
        assert.equal(answer.status, 422, Buffer.from(value, 'base64url').toString('utf8'));
      }
      time.advance(21 * MINUTE);
      const late = await browser.submit(page, { national_id: ID, contact: MOBILE, human_check: solved });
      assert.equal(late.status, 422);
    });

    it('passes without JavaScript after twenty seconds, once', async () => {
      const browser = browse();
      const page = await browser.open('/forgot-account');
      assert.match(page.body, /<noscript>[^]*20 秒/);
      const fields = { national_id: ID, contact: MOBILE };
      time.advance(10 * SECOND);
      const early = await browser.submit(page, fields);
      assert.equal(early.status, 422);
      assert.match(alertOf(early.body), /請再等 10 秒/);
      time.advance(10 * SECOND);
      assert.equal((await browser.submit(early, fields)).status, 200);
      assert.equal((await browser.submit(early, fields)).status, 422);
    });

    it('limits the forms without a solution of one network', async () => {
      const browser = browse();
      const pages = await Promise.all(Array.from({ length: 12 }, () => browser.open('/forgot-account')));
      time.advance(20 * SECOND);
      const statuses: number[] = [];
      for (const page of pages) {
        statuses.push((await browser.submit(page, { national_id: 'x', contact: 'x' })).status);
      }
      assert.deepEqual(statuses, [...Array.from({ length: 10 }, () => 200), 422, 422]);
    });
  },
);
