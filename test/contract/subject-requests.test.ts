/** Requests of people about their data: mails to staff, deadlines, changes of schools, and the mails of deleted people. */
import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';
import { and, eq, ne } from 'drizzle-orm';
import type { NamedKey } from '../../demo/city/fixtures.ts';
import { DAY_MS } from '../../src/domain/duration.ts';
import { systemRandom } from '../../src/domain/random.ts';
import type { ConsoleServices } from '../../src/services/console/index.ts';
import { createSubjectRequests, type SubjectRequests } from '../../src/services/personal-data/requests.ts';
import { findSubjectRequest, listDueRequests } from '../../src/store/personal-data/requests.ts';
import { listIdentifiers } from '../../src/store/people/people.ts';
import { insertMembership } from '../../src/store/people/schools.ts';
import { demoId as id, openTestConsole } from '../helpers/console-services.ts';
import { explainLastStatement } from '../helpers/query-plan.ts';
import { TEST_ISSUER, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';

const ADDRESS = '192.0.2.1';
const NEW_SCHOOL = '993401';

eachStore('requests of people', (on) => {
  let services: TestServices;
  let staff: ConsoleServices;
  let requests: SubjectRequests;
  before(async () => {
    ({ services, staff } = await openTestConsole(on.store));
    requests = createSubjectRequests({ ...services, random: systemRandom, issuer: TEST_ISSUER });
  });
  beforeEach(async () => {
    await services.takeJobs();
  });

  const ask = async (key: NamedKey, kind: 'correction' | 'stop_processing' | 'deletion' = 'correction') => {
    const asked = await requests.create({ personId: id(key), kind, what: 'w', why: '', address: ADDRESS });
    assert.equal(asked.kind, 'created');
    return 'id' in asked ? asked.id : '';
  };
  const emailOf = async (key: NamedKey): Promise<string> => {
    const logins = await on.store.read((tx) => listIdentifiers(tx, id(key)));
    return logins.find(({ kind }) => kind === 'email')?.value ?? '';
  };
  /** Takes the mails to staff, as `task to link`. */
  const takeTasks = async (): Promise<string[]> =>
    (await services.takeJobs()).flatMap((job) =>
      job.kind === 'mail' && job.template === 'staff-task'
        ? `${String(job.locals['task'])} ${job.to} ${String(job.locals['link'])}`
        : [],
    );
  const mailed = async (task: string, key: NamedKey): Promise<string> =>
    `${task} ${await emailOf(key)} ${TEST_ISSUER}/console/subject-requests`;
  const answer = async (key: NamedKey, requestId: string, value: 'approve' | 'decline' | 'extend') => {
    const dueAt = (await on.store.read((tx) => findSubjectRequest(tx, requestId)))?.dueAt ?? 0;
    const given = { actorId: id(key), requestId, answer: value, reason: 'r', dueAt, address: ADDRESS };
    return (await staff.subjectRequests.answer(given)).kind;
  };

  it('are mailed by link only to the registrar, or to the bureau where none decides', async () => {
    await ask('S1');
    assert.deepEqual(await takeTasks(), [await mailed('subject_request', 'A2')]);
    await ask('T2');
    assert.deepEqual(await takeTasks(), [await mailed('subject_request', 'B1')]);
    await ask('B1');
    assert.deepEqual(await takeTasks(), [], 'not to the requester');
  });

  it('remind staff once, 5 days before the end, and once more after an extension', async () => {
    const requestId = await ask('S1', 'stop_processing');
    await on.store.write((tx) => {
      const { subjectRequests } = tx.tables;
      return tx.db.update(subjectRequests).set({ remindedAt: 1 }).where(ne(subjectRequests.id, requestId));
    });
    const remind = async (): Promise<string[]> => {
      await services.takeJobs();
      // Two nodes at once.
      await Promise.all([requests.remindDue(10), requests.remindDue(10)]);
      return takeTasks();
    };
    const reminder = [await mailed('subject_request_due', 'A2')];
    services.advance(25 * DAY_MS - 1);
    assert.deepEqual(await remind(), []);
    services.advance(1);
    assert.deepEqual(await remind(), reminder);
    assert.deepEqual(await remind(), []);
    assert.equal(await answer('A2', requestId, 'extend'), 'done');
    assert.deepEqual(await remind(), []);
    services.advance(30 * DAY_MS);
    assert.deepEqual(await remind(), reminder);
    assert.equal(await requests.withdraw(id('S1'), requestId, ADDRESS), true);
    assert.deepEqual(await remind(), []);
    const plan = await explainLastStatement(on.store, (tx) => listDueRequests(tx, 1, 10));
    assert.match(plan, /subject_requests_city_idx/);
  });

  it('follow a pupil to the new school, whose registrar is mailed, and leave the former one', async () => {
    const requestId = await ask('S1', 'stop_processing');
    const schoolOf = async () => (await on.store.read((tx) => findSubjectRequest(tx, requestId)))?.schoolCode;
    const sees = async (key: NamedKey): Promise<boolean> => {
      const actor = await staff.authorization.findActor(id(key));
      return actor !== undefined && (await staff.subjectRequests.load(actor, requestId)) !== undefined;
    };
    assert.equal(await requests.followSchools(), 0);
    assert.deepEqual([await schoolOf(), await sees('A2')], ['993301', true]);
    await on.store.write(async (tx) => {
      const { classes, enrollments } = tx.tables;
      const school = { schoolCode: NEW_SCHOOL, role: 'staff', duty: 'registrar' } as const;
      await insertMembership(tx, { ...school, id: 'new', personId: id('T1'), isPrimary: false });
      const [other] = await tx.db.select().from(classes).where(eq(classes.schoolCode, NEW_SCHOOL)).limit(1);
      await tx.db
        .update(enrollments)
        .set({ schoolCode: NEW_SCHOOL, classId: other?.id })
        .where(and(eq(enrollments.studentId, id('S1')), eq(enrollments.schoolCode, '993301')));
    });
    assert.equal(await sees('A2'), false);
    await services.takeJobs();
    await services.newEntries();
    // The correction of the first test moves too.
    assert.equal(await requests.followSchools(), 2);
    assert.deepEqual([await schoolOf(), await sees('A2'), await sees('T1')], [NEW_SCHOOL, false, true]);
    const mail = await mailed('subject_request', 'T1');
    assert.deepEqual(await takeTasks(), [mail, mail]);
    const moves = (await services.newEntries()).map(({ event, detail }) => [event, detail['before'], detail['after']]);
    const move = ['subject_request.transferred', '993301', NEW_SCHOOL];
    assert.deepEqual(moves, [move, move]);
    assert.equal(await requests.followSchools(), 0);
  });

  it('of deletion also delete queued and dead mails to the person, except the confirmation', async () => {
    const requestId = await ask('G5', 'deletion');
    const [own, other] = [await emailOf('G5'), await emailOf('G1')];
    assert.notEqual(own, '');
    await on.store.write(async (tx) => {
      const mail = { kind: 'mail', template: 'reset-link', lang: 'en', locals: {} } as const;
      const dead = await services.outbox.enqueue(tx, { ...mail, to: own });
      await tx.db.update(tx.tables.outbox).set({ deadAt: 1 }).where(eq(tx.tables.outbox.id, dead));
      await services.outbox.enqueueAll(tx, [
        { ...mail, to: own },
        { ...mail, to: other },
      ]);
    });
    assert.equal(await answer('B1', requestId, 'approve'), 'done');
    const left = (await services.takeJobs()).flatMap((job) => (job.kind === 'mail' ? [job] : []));
    const toOwn = left.filter(({ to }) => to === own);
    assert.deepEqual(
      toOwn.map(({ template, locals }) => [template, locals['result']]),
      [['subject-request', 'approved']],
    );
    assert.equal(left.filter(({ to, template }) => to === other && template === 'reset-link').length, 1);
  });
});
