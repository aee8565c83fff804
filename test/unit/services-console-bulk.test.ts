/** Bulk actions on a class: dry run, rows of their own, resumption by another node, codes that are printed once. */
import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';
import { eq } from 'drizzle-orm';
import type { NamedKey } from '../../demo/city/fixtures.ts';
import type { BulkAction } from '../../src/domain/access/bulk-actions.ts';
import { HOUR_MS, MINUTE_MS } from '../../src/domain/duration.ts';
import type { StaffActor } from '../../src/services/console/authorization.ts';
import type { BulkReport } from '../../src/services/console/bulk-runs.ts';
import type { ConsoleServices } from '../../src/services/console/index.ts';
import { completeBulkRow, findBulkRun, leaseBulkRun, listPendingRows } from '../../src/store/console/bulk-runs.ts';
import { insertMany } from '../../src/store/database/bulk-insert.ts';
import { findPerson } from '../../src/store/people/people.ts';
import { createTestConsole, demoId, openTestConsole } from '../helpers/console-services.ts';
import { TEST_NOW, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';

const id = demoId;
const CLASS = 'class-big';
const PUPILS = 200;
const BROKEN = ['pupil-7', 'pupil-70', 'pupil-170'];

eachStore('bulk runs', (on) => {
  let services: TestServices;
  let staff: ConsoleServices;
  let desk: StaffActor;
  const actorOf = async (key: NamedKey): Promise<StaffActor> => {
    const actor = await staff.authorization.findActor(id(key));
    assert.ok(actor);
    return actor;
  };
  before(async () => {
    ({ services, staff } = await openTestConsole(on.store));
    desk = await actorOf('A1');
    const names = Array.from({ length: PUPILS }, (_, at) => `pupil-${String(at)}`);
    const now = TEST_NOW;
    await on.store.write(async (tx) => {
      const { classes, persons, enrollments, identifiers } = tx.tables;
      const term = { year: 115, semester: 1, grade: 2, classno: '299', classtitle: '二年九九班' };
      await tx.db.insert(classes).values({ id: CLASS, schoolCode: '993301', ...term });
      const person = { kind: 'person', status: 'active', createdAt: now, updatedAt: now } as const;
      await insertMany(
        tx,
        persons,
        names.map((name) => ({ id: name, name, ...person })),
      );
      const place = { classId: CLASS, schoolCode: '993301' };
      await insertMany(
        tx,
        enrollments,
        names.map((name, at) => ({ id: `e-${name}`, studentId: name, ...place, studentNumber: name, seat: at + 1 })),
      );
      await insertMany(
        tx,
        identifiers,
        names.map((name) => ({
          ...{ id: `i-${name}`, personId: name, kind: 'email' as const, value: `${name}@pupils.example` },
          ...{ verifiedAt: BROKEN.includes(name) ? null : now, createdAt: now },
        })),
      );
    });
  });
  beforeEach(() => services.takeJobs());

  const prepare = async (
    action: BulkAction,
    personIds?: readonly string[],
    { actor = desk, classId = CLASS } = {},
  ): Promise<string> => {
    const request = { actor, classId, action, personIds, reason: 'new term', address: '192.0.2.1' };
    const runId = await staff.bulkRuns.prepare(request);
    assert.ok(runId);
    return runId;
  };
  const load = async (runId: string): Promise<BulkReport> => {
    const report = await staff.bulkRuns.load(desk, runId);
    assert.ok(report);
    return report;
  };
  const run = async (action: BulkAction, personIds?: readonly string[]): Promise<string> => {
    const runId = await prepare(action, personIds);
    assert.equal(await staff.bulkRuns.start(desk, runId), true);
    assert.equal(await staff.bulkRuns.workOnNext(), true);
    return runId;
  };

  it('finish a class of 200 with a clear error for each of three broken addresses', async () => {
    const draft = await load(await prepare('links'));
    const failed = draft.rows.filter(({ state }) => state === 'failed');
    assert.deepEqual(
      failed.map(({ personId, problem }) => [personId, problem]),
      BROKEN.map((one) => [one, 'no_email']),
    );
    assert.deepEqual(await services.takeJobs(), []);
    const report = await load(await run('links'));
    assert.notEqual(report.run.finishedAt, null);
    assert.equal(report.rows.filter(({ state }) => state === 'done').length, PUPILS - BROKEN.length);
    assert.equal((await services.takeJobs()).length, PUPILS - BROKEN.length);
  });

  it('store the reason of the member of staff sealed', async () => {
    const runId = await run('links', ['pupil-4']);
    const stored = await on.store.read((tx) => findBulkRun(tx, runId));
    assert.ok(stored);
    assert.doesNotMatch(JSON.stringify(stored), /new term/);
    assert.equal(services.secrets.open('bulk-reason', runId, stored.reasonSealed ?? ''), 'new term');
  });

  it('use and then erase the plain reason of a node of an older version', async () => {
    const runId = await prepare('links', ['pupil-5']);
    await on.store.write((tx) => {
      const { bulkRuns } = tx.tables;
      return tx.db.update(bulkRuns).set({ reason: 'old node', reasonSealed: null }).where(eq(bulkRuns.id, runId));
    });
    await staff.bulkRuns.start(desk, runId);
    await staff.bulkRuns.workOnNext();
    const stored = await on.store.read((tx) => findBulkRun(tx, runId));
    assert.equal(stored?.reason, '');
    const [row] = (await load(runId)).rows;
    assert.equal(row?.state, 'done');
  });

  it('continue on another node after the lease of the first has ended', async () => {
    const runId = await prepare('links', ['pupil-1', 'pupil-2', 'pupil-3']);
    await staff.bulkRuns.start(desk, runId);
    // The first node stops after one row.
    const now = services.clock.now();
    await on.store.write((tx) => leaseBulkRun(tx, runId, now, now + MINUTE_MS));
    const [first] = await on.store.read((tx) => listPendingRows(tx, runId, 1));
    assert.ok(first);
    await on.store.write((tx) => completeBulkRow(tx, first, { state: 'done', doneAt: now }));
    const other = createTestConsole(services);
    assert.equal(await other.bulkRuns.workOnNext(), false);
    services.advance(2 * MINUTE_MS);
    assert.equal(await other.bulkRuns.workOnNext(), true);
    assert.ok((await load(runId)).rows.every(({ state }) => state === 'done'));
    assert.equal((await services.takeJobs()).length, 2);
  });

  it('do each row once when two nodes work on one run', async () => {
    const runId = await prepare('links', ['pupil-1', 'pupil-2', 'pupil-3', 'pupil-4']);
    const starts = await Promise.all([staff.bulkRuns.start(desk, runId), staff.bulkRuns.start(desk, runId)]);
    assert.deepEqual(starts.sort(), [false, true]);
    await Promise.all([staff.bulkRuns.workOnNext(), createTestConsole(services).bulkRuns.workOnNext()]);
    assert.equal((await services.takeJobs()).length, 4);
  });

  it('do nothing to a person whom staff changed after the dry run', async () => {
    const runId = await prepare('disable', ['pupil-5', 'pupil-6']);
    const person = await on.store.read((tx) => findPerson(tx, 'pupil-5'));
    const done = await staff.personActions.perform({
      ...{ actorId: id('B1'), personId: 'pupil-5', action: 'unlock', reason: 'x', address: '192.0.2.1' },
      version: person?.staffVersion ?? 0,
    });
    assert.equal(done.kind, 'done');
    await staff.bulkRuns.start(desk, runId);
    await staff.bulkRuns.workOnNext();
    assert.deepEqual(
      (await load(runId)).rows.map(({ personId, state, problem }) => [personId, state, problem]),
      [
        ['pupil-5', 'failed', 'outdated'],
        ['pupil-6', 'done', undefined],
      ],
    );
    const state = async (name: string) => (await on.store.read((tx) => findPerson(tx, name)))?.status;
    assert.deepEqual([await state('pupil-5'), await state('pupil-6')], ['active', 'disabled']);
  });

  it('ask the policy for each row, with the capacity at that moment', async () => {
    const runId = await prepare('links', ['pupil-8']);
    await staff.bulkRuns.start(desk, runId);
    await services.people.setStatus(id('A1'), 'disabled', undefined);
    await staff.bulkRuns.workOnNext();
    await services.people.setStatus(id('A1'), 'active', undefined);
    assert.deepEqual(
      (await load(runId)).rows.map(({ problem }) => problem),
      ['denied'],
    );
    const registrar = await actorOf('A2');
    const denied = await staff.bulkRuns.load(registrar, await prepare('slips', ['pupil-8'], { actor: registrar }));
    assert.deepEqual(
      denied?.rows.map(({ problem }) => problem),
      ['denied'],
    );
    assert.equal(await staff.bulkRuns.load(registrar, runId), undefined);
  });

  it('keep one-time codes sealed, print them once and erase them', async () => {
    const runId = await run('slips', ['pupil-9', 'pupil-10']);
    const stored = async (): Promise<(string | null)[]> =>
      (await on.store.read((tx) => tx.db.select().from(tx.tables.bulkRows))).map(({ codeSealed }) => codeSealed);
    assert.equal((await stored()).filter((one) => one?.startsWith('v1.') === true).length, 2);
    const printed = await Promise.all([staff.bulkRuns.print(desk, runId), staff.bulkRuns.print(desk, runId)]);
    const sheets = printed.flatMap((one) => one ?? []);
    assert.deepEqual(
      sheets.map(({ slips }) => slips.map(({ name }) => name)),
      [['pupil-9', 'pupil-10']],
    );
    assert.deepEqual(
      (await stored()).filter((one) => one !== null),
      [],
    );
    const [slip] = sheets[0]?.slips ?? [];
    const typed = { login: 'pupil-9@pupils.example', password: slip?.code ?? '', address: '192.0.2.2' };
    assert.equal((await services.signIn.attempt({ ...typed, clientId: undefined })).kind, 'password_change_required');
  });

  it('erase codes that were not printed within an hour', async () => {
    const runId = await run('slips', ['pupil-11']);
    services.advance(HOUR_MS);
    assert.equal(await staff.bulkRuns.print(desk, runId), undefined);
    await staff.bulkRuns.erase();
    const rows = await on.store.read((tx) => tx.db.select().from(tx.tables.bulkRows));
    assert.ok(rows.every(({ codeSealed }) => codeSealed === null));
  });

  it('show a class to its homeroom teacher, the desk and the registrar of the school', async () => {
    const own = await staff.classPages.list(await actorOf('T2'));
    assert.deepEqual(
      own.map(({ classtitle }) => classtitle.includes('3')),
      [true],
    );
    const [ownClass] = own;
    assert.ok(ownClass);
    const page = await staff.classPages.view(await actorOf('T2'), ownClass.id, '192.0.2.1');
    const rowOf = (key: NamedKey) => page?.rows.find(({ personId }) => personId === id(key));
    assert.deepEqual(rowOf('G1')?.actions, ['links']);
    assert.equal(rowOf('G1')?.state.kind, 'first_password');
    assert.equal(rowOf('S1')?.pupil.seat, 5);
    assert.equal(rowOf('H4')?.kind, 'school_account');
    assert.equal(await staff.classPages.view(await actorOf('T2'), CLASS, '192.0.2.1'), undefined);
    assert.ok((await staff.classPages.list(desk)).some((one) => one.id === CLASS));
  });
});
