/** The answers of families by class, school and city, the reminders, and the districts of schools. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';

import { createSchoolDirectory } from '../../src/services/binding/school-directory.ts';
import { storeApplication } from '../helpers/applications.ts';
import { errorAt, personId } from '../helpers/city.ts';
import { freezeTime, HOUR, type FrozenTime } from '../helpers/frozen-time.ts';
import { textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { removeSecondFactors } from '../helpers/second-factors.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff, type StaffKey } from '../helpers/staff.ts';

const REASON = 'decided by the board';
let time: FrozenTime;
before(() => {
  time = freezeTime();
});
after(() => {
  time.release();
});

eachService(
  'overviews of the binding',
  () => ({ clients: [] }),
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

    it('reminds a family once in the days of the setting, and records one entry', async () => {
      await storeApplication(running(), { state: 'draft', submittedAt: null });
      const teacher = await signIn('T2');
      const page = await teacher.open('/console/binding');
      assert.match(page.url, /\/console\/binding\/classes\//);
      const row = new RegExp(`data-student="${personId('S4')}"[\\s\\S]*?data-answer="none"`);
      assert.match(page.body, row);
      const csv = await teacher.open(`${new URL(page.url).pathname}/report.csv?state=none`);
      assert.match(csv.body, /^\uFEFF?"[^]*吳小華/);
      const form = await teacher.open(`${new URL(page.url).pathname}/reminders`);
      assert.match(form.body, /data-mails="1"/);
      const done = await teacher.submit(form, {});
      assert.match(textOf(done.body), /已寄出 1 封提醒信/);
      const replay = await teacher.submit(form, {});
      assert.equal(replay.status, 409);
      assert.match(replay.body, /data-mails="0"/);
      const rows = await running().container.store.read((tx) => tx.db.select().from(tx.tables.audit));
      const sent = rows.filter(({ event }) => event === 'staff.remind_families');
      assert.deepEqual(
        sent.map(({ detail }) => [detail['families'], detail['mails'], detail['school']]),
        [[1, 1, '993301']],
      );
    });
  },
);
