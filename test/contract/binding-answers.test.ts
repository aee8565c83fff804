/** The answers of families: read per student, counted per class, stored per school by one node, and claimed for one reminder. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import { NO_ANSWERS, type FamilyAnswer } from '../../src/domain/binding/answers.ts';
import type { ApplicationState } from '../../src/domain/binding/application.ts';
import type { NoticeAnswer } from '../../src/domain/binding/notice.ts';
import { createAnswerCounting } from '../../src/services/statistics/answer-counts.ts';
import * as answers from '../../src/store/binding/answers.ts';
import { insertApplication } from '../../src/store/binding/applications.ts';
import { leaseSchoolCount, listSchoolAnswers, type SchoolAnswers } from '../../src/store/console/answer-counts.ts';
import { insertMany } from '../../src/store/database/bulk-insert.ts';
import type { Transaction } from '../../src/store/database/index.ts';
import { insertGuardianship, type NewGuardianship } from '../../src/store/people/guardianships.ts';
import * as schools from '../../src/store/people/schools.ts';
import { eachStore } from '../helpers/store.ts';
import { TEST_NOW } from '../helpers/services.ts';
import { family, guardianship, HIGH, person, PRIMARY } from './family.ts';

const TODAY = '2026-11-23';
const TERM = { year: 115, semester: 1 };
const MINUTE = 60_000;

interface Case {
  answer: FamilyAnswer;
  guardian?: Partial<NewGuardianship>;
  application?: ApplicationState;
  /** In the order of time. */
  notices?: readonly NoticeAnswer[];
}

const CASES: Record<string, Case> = {
  silent: { answer: 'none' },
  agreed: { answer: 'none', notices: ['agree'] },
  drafting: { answer: 'none', application: 'draft', notices: ['agree'] },
  withdrawn: { answer: 'none', application: 'withdrawn', notices: ['agree'] },
  rejected: { answer: 'none', application: 'rejected', notices: ['agree'] },
  submitted: { answer: 'waiting', application: 'submitted', notices: ['agree'] },
  returned: { answer: 'returned', application: 'returned', notices: ['agree'] },
  disagreed: { answer: 'refused', notices: ['disagree'] },
  declined: { answer: 'refused', notices: ['agree', 'decline'] },
  reconsidered: { answer: 'none', notices: ['disagree', 'agree'] },
  bound: { answer: 'bound', guardian: {}, application: 'approved', notices: ['agree'] },
  second: { answer: 'bound', guardian: {}, application: 'submitted' },
  suspended: { answer: 'bound', guardian: { state: 'suspended' } },
  lastDay: { answer: 'bound', guardian: { validTo: TODAY } },
  ended: { answer: 'none', guardian: { validTo: '2026-11-22' } },
  revoked: { answer: 'none', guardian: { state: 'revoked' }, application: 'approved', notices: ['agree'] },
};

async function insertCase(tx: Transaction, id: string, seat: number): Promise<void> {
  const { guardian, application, notices = [] } = CASES[id] ?? {};
  await insertMany(tx, tx.tables.persons, [person(id, id)]);
  const enrollment = { studentId: id, schoolCode: HIGH.code, studentNumber: id, seat, classId: 'c203' };
  await insertMany(tx, tx.tables.enrollments, [{ ...enrollment, id: `e-${id}` }]);
  if (guardian !== undefined) await insertGuardianship(tx, { ...guardianship(`g-${id}`, 'father', id), ...guardian });
  const common = { accountId: 'account', studentId: id, schoolCode: HIGH.code };
  if (application !== undefined) {
    await insertApplication(tx, { ...common, id: `a-${id}`, state: application, createdAt: 1, updatedAt: 1 });
  }
  await insertMany(
    tx,
    tx.tables.noticeAnswers,
    notices.map((answer, at) => ({ ...common, id: `n-${id}-${String(at)}`, noticeVersion: 1, answer, answeredAt: at })),
  );
}

eachStore('answers of families', (on) => {
  let now = TEST_NOW;
  const clock = { now: () => now };
  before(() =>
    on.store.write(async (tx) => {
      await family(tx);
      for (const [at, id] of Object.keys(CASES).entries()) await insertCase(tx, id, at + 10);
    }),
  );
  const listStored = (): Promise<SchoolAnswers[]> => on.store.read((tx) => listSchoolAnswers(tx));
  const addOne = (id: string): Promise<void> =>
    on.store.write(async (tx) => {
      await insertMany(tx, tx.tables.persons, [person(id, id)]);
      const enrollment = { id, studentId: id, schoolCode: HIGH.code, studentNumber: id, seat: 50, classId: 'c203' };
      await insertMany(tx, tx.tables.enrollments, [enrollment]);
    });
  const noneAt = async (code: string): Promise<number | undefined> =>
    (await listStored()).find((school) => school.code === code)?.counts.none;

  it('are read from guardianships, applications and the newest answer to the notice', async () => {
    const rows = await on.store.read((tx) => answers.listAnswers(tx, { classIds: ['c203'] }, TODAY));
    assert.deepEqual(
      Object.fromEntries(rows.map(({ studentId, answer }) => [studentId, answer])),
      Object.fromEntries([
        ['older', 'bound'],
        ...Object.entries(CASES).map(([id, { answer }]): [string, FamilyAnswer] => [id, answer]),
      ]),
    );
    assert.deepEqual(
      rows.map(({ seat }) => seat),
      rows.map(({ seat }) => seat).toSorted((a, b) => a - b),
    );
  });

  it('are counted by class, for the current term and current enrollments only', async () => {
    const counts = await on.store.read((tx) => answers.countAnswers(tx, { schoolCode: HIGH.code, term: TERM }, TODAY));
    assert.deepEqual([...counts], [['c203', { bound: 5, waiting: 1, returned: 1, refused: 2, none: 8 }]]);
    const old = await on.store.read((tx) => answers.countAnswers(tx, { classIds: ['c103'] }, TODAY));
    assert.deepEqual([...old], []);
  });

  it('are stored per school, again after an hour, and at once for a new school', async () => {
    const counting = createAnswerCounting({ store: on.store, clock });
    assert.deepEqual(await listStored(), []);
    await counting.countDue();
    const stored = await listStored();
    assert.deepEqual(
      stored.map(({ code, counts, countedAt }) => [code, counts, countedAt]),
      [
        [HIGH.code, { bound: 5, waiting: 1, returned: 1, refused: 2, none: 8 }, now],
        [PRIMARY.code, { ...NO_ANSWERS, bound: 1 }, now],
      ],
    );
    await addOne('late');
    await on.store.write((tx) => schools.insertSchool(tx, { ...PRIMARY, code: '993602' }));
    now += 49 * MINUTE;
    await counting.countDue();
    assert.equal(await noneAt(HIGH.code), 8);
    assert.equal(await noneAt('993602'), 0);
    now += MINUTE;
    await counting.countDue();
    assert.equal(await noneAt(HIGH.code), 9);
  });

  it('of a school are counted by one node, and by another one after a crash', async () => {
    now += 60 * MINUTE;
    const lease = { now, before: now - 50 * MINUTE, leasedUntil: now + 5 * MINUTE };
    const leases = await Promise.all(
      [1, 2, 3].map(() => on.store.write((tx) => leaseSchoolCount(tx, HIGH.code, lease))),
    );
    assert.deepEqual(leases.toSorted(), [false, false, true]);
    await addOne('later');
    const counting = createAnswerCounting({ store: on.store, clock });
    await counting.countDue();
    assert.equal(await noneAt(HIGH.code), 9, 'a leased school was counted');
    now += 5 * MINUTE;
    await counting.countDue();
    assert.equal(await noneAt(HIGH.code), 10);
  });

  it('have a school without numbers left out until its first count has ended', async () => {
    await on.store.write((tx) => schools.insertSchool(tx, { ...PRIMARY, code: '993603' }));
    const lease = { now, before: now, leasedUntil: now + 5 * MINUTE };
    assert.equal(await on.store.write((tx) => leaseSchoolCount(tx, '993603', lease)), true);
    assert.equal(await noneAt('993603'), undefined);
  });

  it('are claimed for a reminder once, and again after the days of the setting', async () => {
    const claim = (ids: readonly string[], at: number): Promise<Set<string>> =>
      on.store.write((tx) => answers.claimReminders(tx, ids, { now: at, before: at - 100 }));
    const parallel = await Promise.all([claim(['silent', 'agreed'], 1000), claim(['agreed', 'silent'], 1000)]);
    assert.deepEqual(parallel.flatMap((ids) => [...ids]).sort(), ['agreed', 'silent']);
    assert.deepEqual([...(await claim(['silent', 'drafting'], 1099))], ['drafting']);
    assert.deepEqual([...(await claim(['silent', 'drafting'], 1100))], ['silent']);
  });
});
