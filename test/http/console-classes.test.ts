/** The class view over HTTP: dry run, progress, report, and codes that are printed once. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import { eq } from 'drizzle-orm';

import { interactionOf } from '../helpers/authorization-flow.ts';
import { personId, signInToAccount } from '../helpers/city.ts';
import { alertOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { pollUntil } from '../helpers/poll.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff, type StaffBrowser } from '../helpers/staff.ts';

const classesOn = ({ body }: Answer): string[] => [...body.matchAll(/data-class="([^"]+)"/g)].map(([, id = '']) => id);
const stateOn = ({ body }: Answer): string | undefined => /data-bulk-state="([^"]+)"/.exec(body)?.[1];
const codesOn = ({ body }: Answer): string[] =>
  [...body.matchAll(/data-one-time-code="([^"]+)"/g)].map(([, code = '']) => code);

eachService(
  'the class view',
  () => ({ clients: [] }),
  (running) => {
    let desk: StaffBrowser;
    let teacher: StaffBrowser;
    let classPath = '';
    before(async () => {
      ({ browser: desk } = await signInStaff(running(), 'A1'));
      ({ browser: teacher } = await signInStaff(running(), 'T2'));
      const [id] = classesOn(await teacher.open('/console/classes'));
      assert.ok(id);
      classPath = `/console/classes/${id}`;
    });

    const finish = (browser: HttpBrowser, url: string): Promise<Answer> =>
      pollUntil('the run is finished', async () => {
        const page = await browser.open(url);
        return stateOn(page) === 'finished' ? page : undefined;
      });

    it('shows a homeroom teacher who has never signed in, and offers links only', async () => {
      const page = await teacher.open(classPath);
      assert.match(textOf(page.body), /王小安.*王大明 家長.*從未登入/);
      const offered = [...page.body.matchAll(/name="action" value="([^"]+)"/g)].map(([, name]) => name);
      assert.deepEqual(offered, ['links']);
      assert.equal((await teacher.open('/console/classes/unknown')).status, 404);
    });

    it('leads the bureau from the schools to the classes of one, and other staff to their own', async () => {
      const { browser: bureau } = await signInStaff(running(), 'B1');
      const schools = await bureau.open('/console/classes');
      assert.match(schools.body, /href="\/console\/classes\?school=993301"/);
      const [id] = classesOn(await bureau.open('/console/classes?school=993301'));
      assert.equal(`/console/classes/${id ?? ''}`, classPath);
      assert.equal((await bureau.open(classPath)).status, 200);
      assert.deepEqual(classesOn(await bureau.open('/console/classes?school=999999')), []);
      const own = classesOn(await desk.open('/console/classes'));
      assert.deepEqual(classesOn(await desk.open('/console/classes?school=993601')), own);
    });

    it('lists what will happen, does it, and reports each person', async () => {
      const page = await teacher.open(classPath);
      const empty = await teacher.submit(page, { action: 'links', reason: 'new term', scope: 'chosen' });
      assert.equal(empty.status, 422);
      assert.match(alertOf(empty.body), /至少勾選一個人/);
      const draft = await teacher.submit(page, { action: 'links', reason: 'new term', scope: 'class' });
      assert.equal(stateOn(draft), 'draft');
      assert.match(textOf(draft.body), /王大明 會執行/);
      assert.match(textOf(draft.body), /吳小華 未執行 沒有已驗證的電子郵件/);
      await teacher.submit(draft, {});
      const report = await finish(teacher, draft.url);
      assert.match(textOf(report.body), /王大明 完成/);
      const csv = await teacher.open(`${draft.url}/report.csv`);
      assert.match(csv.headers.get('content-type') ?? '', /text\/csv/);
      assert.match(csv.body, /"王大明","完成",""/);
      assert.equal((await desk.open(draft.url)).status, 404);
    });

    it('selects those who have never signed in, and skips accounts that no one can sign in to', async () => {
      const page = await desk.open(classPath);
      const draft = await desk.submit(page, { action: 'slips', reason: 'new term', scope: 'never' });
      assert.match(textOf(draft.body), /王大明 會執行/);
      assert.match(textOf(draft.body), /陳以恩 未執行 沒有登入帳號/);
      assert.doesNotMatch(textOf(draft.body), /李美玲/);
    });

    it('keeps what was selected when the reason is missing', async () => {
      const person = personId('G1');
      const page = await desk.submit(await desk.open(classPath), { action: 'slips', scope: 'chosen', person });
      assert.equal(page.status, 422);
      assert.match(page.body, new RegExp(`value="${person}" checked`));
    });

    it('prints the one-time codes of a run once', async () => {
      const person = personId('G1');
      const draft = await desk.submit(await desk.open(classPath), { action: 'slips', reason: 'new term', person });
      await desk.submit(draft, {});
      const report = await finish(desk, draft.url);
      const sheet = await desk.submit(report, { layout: 'labels' });
      const [code = ''] = codesOn(sheet);
      assert.match(sheet.body, /slip-labels/);
      assert.match(textOf(sheet.body), /您的帳號：daming\.wang@parents\.example、0900000101/);
      const again = await desk.submit(report, { layout: 'a6' });
      assert.deepEqual(codesOn(again), []);
      assert.match(textOf(again.body), /已經列印過/);
      const { answer } = await signInToAccount(running(), '0900000101', code);
      assert.equal(interactionOf(answer), 'new_password');
    });

    it('prints no codes after the member of staff has lost the duty', async () => {
      const person = personId('G2');
      const draft = await desk.submit(await desk.open(classPath), { action: 'slips', reason: 'new term', person });
      await desk.submit(draft, {});
      const report = await finish(desk, draft.url);
      const { store } = running().container;
      const setEnd = (validTo: string | null, homeroomTeacherId: string): Promise<unknown> =>
        store.write(async (tx) => {
          const { memberships, classes } = tx.tables;
          await tx.db
            .update(memberships)
            .set({ validTo })
            .where(eq(memberships.personId, personId('A1')));
          await tx.db
            .update(classes)
            .set({ homeroomTeacherId })
            .where(eq(classes.id, classPath.split('/').at(-1) ?? ''));
        });
      // The homeroom teacher sees the class and the report, but may not issue codes.
      await setEnd('2026-01-01', personId('A1'));
      assert.equal((await desk.open(draft.url)).status, 200);
      assert.deepEqual(codesOn(await desk.submit(report, { layout: 'a6' })), []);
      await setEnd(null, personId('T2'));
      const [code = ''] = codesOn(await desk.submit(report, { layout: 'a6' }));
      assert.match(code, /^[A-Z0-9]{5} ?[A-Z0-9]{5}$/);
    });

    it('does not show the report of a class that has left the scope', async () => {
      const draft = await teacher.submit(await teacher.open(classPath), {
        action: 'links',
        reason: 'new term',
        scope: 'class',
      });
      const { store } = running().container;
      const setTeacher = (from: string, to: string): Promise<unknown> =>
        store.write((tx) =>
          tx.db
            .update(tx.tables.classes)
            .set({ homeroomTeacherId: to })
            .where(eq(tx.tables.classes.homeroomTeacherId, from)),
        );
      await setTeacher(personId('T2'), personId('T1'));
      assert.notEqual((await teacher.open(draft.url)).status, 200);
      assert.notEqual((await teacher.open(`${draft.url}/report.csv`)).status, 200);
      await setTeacher(personId('T1'), personId('T2'));
      assert.equal(stateOn(await teacher.open(draft.url)), 'draft');
    });
  },
);
