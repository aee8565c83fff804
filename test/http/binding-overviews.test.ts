/** The answers of families by class, school and city, the reminders, and the districts of schools. */
import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';

import { eq } from 'drizzle-orm';

import type { ApplicantData } from '../../src/services/binding/applicant-data.ts';
import { createSchoolDirectory } from '../../src/services/binding/school-directory.ts';
import { NEW_FATHER, storeApplication } from '../helpers/applications.ts';
import { errorAt, personId } from '../helpers/city.ts';
import { DAY, HOUR, useFrozenTime } from '../helpers/frozen-time.ts';
import { textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { mailsTo, useMailCatcher } from '../helpers/mail.ts';
import { pollUntil } from '../helpers/poll.ts';
import { removeSecondFactors } from '../helpers/second-factors.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff, type StaffKey } from '../helpers/staff.ts';

const REASON = 'decided by the board';
const MOTHER: ApplicantData = {
  ...{ name: '林美惠', relation: 'mother', nationalId: 'Y200600002', mobile: '+886900000502' },
  email: 'meihui.lin@parents.example',
};
const time = useFrozenTime();
const mail = useMailCatcher();

eachService(
  'overviews of the binding',
  () => ({ clients: [], smtpUrl: mail.smtpUrl }),
  (running) => {
    const signIn = async (key: StaffKey): Promise<HttpBrowser> => {
      await removeSecondFactors(running(), key);
      return (await signInStaff(running(), key)).browser;
    };
    beforeEach(() => {
      time.advance(HOUR);
    });
    /** Submits a form and confirms the change. */
    const change = async (browser: HttpBrowser, page: Answer, fields: Record<string, string>): Promise<Answer> => {
      const review = await browser.submit(page, fields);
      assert.equal(review.status, 200, textOf(review.body));
      return browser.submit(review, { confirmed: 'yes', reason: REASON });
    };

    it('the bureau gives a school a district, by which the school sign-in finds it at once', async () => {
      const bureau = await signIn('B1');
      const school = { code: '993998', name: '示範河岸國中', nameEn: 'Demo Riverside', type: 'junior_high' };
      const add = await bureau.open('/console/schools/new');
      const list = await change(bureau, add, { ...school, district: ' 河東區 ' });
      assert.match(textOf(list.body), /993998 示範河岸國中 國中 河東區/);
      const directory = createSchoolDirectory(running().container);
      const found = async (typed: string): Promise<string[]> => (await directory.match(typed)).map(({ code }) => code);
      assert.deepEqual(await found('河東'), ['993998']);
      const edit = await bureau.open('/console/schools/993998');
      const tooLong = await bureau.submit(edit, { ...school, district: '區'.repeat(21) });
      assert.match(errorAt(tooLong, 'district'), /20/);
      await change(bureau, edit, { ...school, district: '河西區' });
      assert.deepEqual([await found('河東'), await found('河西')], [[], ['993998']]);
      const stale = await change(bureau, edit, { ...school, district: '河南區' });
      assert.equal(stale.status, 409);
      const rows = await running().container.store.read((tx) => tx.db.select().from(tx.tables.audit));
      const changed = rows.filter(({ event }) => event === 'school.changed');
      assert.deepEqual(
        changed.map(({ detail }) => [detail['before'], detail['after']].map((text) => /河.區/.exec(String(text))?.[0])),
        [['河東區', '河西區']],
      );
    });

    it('show a registrar the classes of the school and the bureau all schools, without names', async () => {
      const registrar = await signIn('A2');
      const school = await registrar.open('/console/binding');
      assert.match(school.url, /\/console\/binding\/schools\/993301$/);
      assert.match(
        textOf(school.body),
        /共 3 位學生：已綁定 2、待審核 0、退回修正 0、不同意或無意參加 0、尚未回覆 1。/,
      );
      assert.match(textOf(school.body), /各班 .*高二3班 3 2 0 0 0 1 67%/);
      const classes = await registrar.open('/console/binding/schools/993301/report.csv');
      assert.match(classes.body, /\r\n"高二3班","3","2","0","0","0","1"\r\n/);

      const bureau = await signIn('B1');
      const city = await pollUntil('the count of the other schools', async () => {
        const page = await bureau.open('/console/binding');
        return page.body.includes('data-line="993302"') ? page : undefined;
      });
      assert.match(textOf(city.body), /各行政區 .* 東區 .* 各校 .*示範高中 3 2 0 0 0 1 67%/);
      const bySchool = await bureau.open('/console/binding/report.csv?by=school');
      assert.match(bySchool.body, /\r\n"993301","示範高中","東區","3","2","0","0","0","1"\r\n/);
      const byDistrict = await bureau.open('/console/binding/report.csv?by=district');
      assert.match(byDistrict.body, /^\uFEFF?"行政區","學生數"[^]*\r\n"東區","\d+"/);
      for (const { body } of [school, classes, city, bySchool, byDistrict]) assert.doesNotMatch(body, /吳小華|王小安/);
    });

    it('show the bureau one district, on the page, in print and in the CSV', async () => {
      const bureau = await signIn('B1');
      const form = await bureau.open('/console/binding');
      assert.match(form.body, /<form class="audit-filter no-print" method="get" action="\/console\/binding"/);
      const [, other = ''] = /<option value="(?!東區)([^"]+)">/.exec(form.body) ?? [];
      assert.ok(form.body.includes(`data-line="${other}"`), other);
      const page = await bureau.open(`/console/binding?district=${encodeURIComponent('東區')}`);
      assert.match(textOf(page.body), /綁定回覆 · 東區/);
      assert.match(page.body, /<option value="東區" selected>/);
      assert.match(page.body, /data-line="993301"/);
      assert.equal(page.body.includes(`data-line="${other}"`), false);
      const links = [...page.body.matchAll(/href="([^"]*report\.csv[^"]*)"/g)].map(([, href = '']) => href);
      assert.equal(links.length, 2);
      for (const href of links) {
        const csv = await bureau.open(href.replaceAll('&amp;', '&'));
        assert.match(csv.body, /東區/);
        assert.equal(csv.body.includes(other), false);
      }
      const unknown = await bureau.open('/console/binding?district=nowhere');
      assert.ok(unknown.body.includes(`data-line="${other}"`));
    });

    it('have no formula in a CSV, whatever the names of schools, districts and students are', async () => {
      const names = ['=1+1', '+1', '-1', '@SUM(1)', '\t=1', '\r=1'];
      const { store } = running().container;
      const rename = (student: string, school: string, district: string): Promise<unknown> =>
        store.write(async ({ db, tables: { persons, schools } }) => {
          await db
            .update(persons)
            .set({ name: student })
            .where(eq(persons.id, personId('S4')));
          await db.update(schools).set({ name: school, district }).where(eq(schools.code, '993301'));
        });
      const [bureau, teacher] = [await signIn('B1'), await signIn('T2')];
      const ofClass = new URL((await teacher.open('/console/binding')).url).pathname;
      for (const name of names) {
        await rename(name, name, name);
        for (const path of ['/console/binding/report.csv?by=school', '/console/binding/report.csv?by=district']) {
          assert.ok((await bureau.open(path)).body.includes(`"'${name}"`), path);
        }
        const { body } = await teacher.open(`${ofClass}/report.csv`);
        assert.ok(body.includes(`"'${name}"`), name);
        assert.doesNotMatch(body, /(?:^|,)"[=+\-@\t\r]/m);
      }
      await rename('吳小華', '示範高中', '東區');
    });

    it('a family without an address gets a letter with its account and a QR code, until it has one', async () => {
      const teacher = await signIn('T2');
      const { url } = await teacher.open('/console/binding');
      const path = new URL(url).pathname;
      const plan = await teacher.open(`${path}/reminders`);
      assert.match(plan.body, /data-without-address="1"[^]*data-mails="0"/);
      const letters = await teacher.open(`${path}/letters`);
      const text = textOf(letters.body);
      assert.match(text, /吳小華的家長，您好/);
      assert.match(text, /學校：示範高中（993301），帳號：P11330003/);
      assert.match(letters.body, /class="letter-qr"[^]*<path d="M/);
      assert.doesNotMatch(text, /王小安/);
      const former = await storeApplication(running(), { state: 'draft', submittedAt: null, schoolCode: '993302' });
      const after = await teacher.open(`${path}/reminders`);
      assert.match(after.body, /data-without-address="1"[^]*data-mails="0"/, 'a draft of a former school');
      const { store } = running().container;
      await store.write(({ db, tables: { bindingApplications } }) =>
        db.delete(bindingApplications).where(eq(bindingApplications.id, former)),
      );
      await storeApplication(running(), { state: 'draft', submittedAt: null, applicants: [NEW_FATHER, MOTHER] });
      assert.match(textOf((await teacher.open(`${path}/letters`)).body), /沒有需要通知單的家庭/);
    });

    it('reminds a family at each address in its language, and again after the days of the setting', async () => {
      await running().container.store.write((tx) => {
        const { persons } = tx.tables;
        return tx.db
          .update(persons)
          .set({ locale: 'en' })
          .where(eq(persons.id, personId('H4')));
      });
      const teacher = await signIn('T2');
      const page = await teacher.open('/console/binding');
      assert.match(page.url, /\/console\/binding\/classes\//);
      const path = new URL(page.url).pathname;
      const row = new RegExp(`data-student="${personId('S4')}"[\\s\\S]*?data-answer="none"`);
      assert.match(page.body, row);
      const form = await teacher.open(`${path}/reminders`);
      assert.match(form.body, /data-mails="2"/);
      const done = await teacher.submit(form, {});
      assert.match(textOf(done.body), /已寄出 2 封提醒信/);
      const replay = await teacher.submit(form, {});
      assert.equal(replay.status, 409);
      assert.match(replay.body, /data-mails="0"/);
      const csv = await teacher.open(`${path}/report.csv?state=none`);
      assert.match(csv.body, /^\uFEFF?"班級"[^]*"吳小華","尚未回覆","2026-\d\d-\d\d \d\d:\d\d"\r\n$/);
      assert.match((await teacher.open(`${path}/report.csv?state=bound`)).body, /王小安/);
      for (const { email } of [NEW_FATHER, MOTHER]) {
        const isNew = ({ text }: { text: string }): boolean => text.includes(running().issuer);
        const [sent] = await pollUntil(`the reminder to ${email}`, () => {
          const mails = mailsTo(mail, email, 'Please answer about the binding').filter(isNew);
          return mails.length > 0 ? mails : undefined;
        });
        assert.match(sent?.text ?? '', /Demo High School has not received your answer about the binding for 吳小華/);
      }

      time.advance(7 * DAY - HOUR);
      const early = await (await signIn('T2')).open(`${path}/reminders`);
      assert.match(early.body, /data-mails="0"/);
      time.advance(HOUR);
      const later = await signIn('T2');
      const again = await later.submit(await later.open(`${path}/reminders`), {});
      assert.match(textOf(again.body), /已寄出 2 封提醒信/);
      const rows = await running().container.store.read((tx) => tx.db.select().from(tx.tables.audit));
      const sent = rows.filter(({ event }) => event === 'staff.remind_families');
      assert.deepEqual(
        sent.map(({ detail }) => [detail['families'], detail['mails'], detail['school'], detail['capacity']]),
        [
          [1, 2, '993301', 'homeroom_teacher'],
          [1, 2, '993301', 'homeroom_teacher'],
        ],
      );
    });

    it('a closed school sends no reminders', async () => {
      time.advance(7 * DAY);
      const registrar = await signIn('A2');
      const form = await registrar.open('/console/binding/schools/993301/reminders');
      assert.match(form.body, /data-mails="2"/);
      const setClosed = (closedAt: number | null): Promise<unknown> =>
        running().container.store.write((tx) => {
          const { schools } = tx.tables;
          return tx.db.update(schools).set({ closedAt }).where(eq(schools.code, '993301'));
        });
      await setClosed(Date.now());
      const refused = await registrar.submit(form, {});
      assert.equal(refused.status, 403);
      assert.match(textOf(refused.body), /這所學校已關閉/);
      const closed = await registrar.open('/console/binding/schools/993301/reminders');
      assert.match(textOf(closed.body), /這所學校已關閉/);
      assert.doesNotMatch(closed.body, /data-mails|data-without-address/);
      await setClosed(null);
      const open = await registrar.open('/console/binding/schools/993301/reminders');
      assert.match(open.body, /data-mails="2"/);
    });
  },
);
