/** A merge of two accounts moves every row of the account that ends, and the undo brings it back. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { getTableColumns } from 'drizzle-orm';
import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { createMergeEffect, formatMergeInput } from '../../src/services/console/merge-effect.ts';
import type { Effect } from '../../src/services/console/person-effect.ts';
import { createUndoMergeEffect } from '../../src/services/console/undo-merge-effect.ts';
import type { Transaction } from '../../src/store/database/index.ts';
import { findPerson } from '../../src/store/people/people.ts';
import { sqliteTables } from '../../src/store/schema/sqlite.ts';
import type { Tables } from '../../src/store/schema/tables.ts';
import { eachStore } from '../helpers/store.ts';
import { NOW } from './constants.ts';
import { guardianship, HIGH, person, withFamily } from './family.ts';

/** Columns whose rows move to the kept account. */
const MOVED = [
  ...['identifiers.personId', 'memberships.personId', 'enrollments.studentId', 'classes.homeroomTeacherId'],
  ...['schoolAccounts.studentId', 'guardianships.guardianId', 'guardianships.studentId'],
  ...['bindingApplications.studentId', 'bindingApplicants.guardianId', 'noticeAnswers.studentId'],
  ...['subjectRequests.personId', 'personMerges.keptId'],
];

/** Columns that keep the id of the account that ended, with the reason. */
const KEPT: Readonly<Record<string, string>> = {
  'schoolAccounts.personId': 'a school account is not merged',
  'bindingApplications.accountId': 'a school account is not merged',
  'noticeAnswers.accountId': 'a school account is not merged',
  'passwords.personId': 'the kept account has its own password',
  'firstPasswords.personId': 'the kept account has its own password',
  'resetLinks.personId': 'deleted by the merge',
  'secondFactors.personId': 'the kept account has its own factors',
  'recoveryCodes.personId': 'the kept account has its own factors',
  'applicationPasswords.personId': 'ended by the merge',
  'directoryNumbers.personId': 'the kept account has its own number',
  'secondFactorRemovals.personId': 'removes factors of the account that ended',
  'pendingContacts.personId': 'the link of a disabled account does nothing',
  'sessions.personId': 'ended by the merge',
  'grants.personId': 'revoked by the merge',
  'oidcRecords.accountId': 'deleted by the merge',
  'consents.personId': 'the person decides again',
  'lastContexts.personId': 'a choice that is made again',
  'familyReminders.studentId': 'limits mails only',
  'staffRequests.personId': 'bound to a version of the account, which the merge increments',
  'bulkRows.personId': 'the result of a run',
  'personMerges.otherId': 'the history of the account that ended',
};

/** Columns that name who did something. */
const ACTORS = [
  ...['audit.actorId', 'audit.subjectId', 'bulkRuns.actorId', 'settings.updatedBy', 'bindingNotices.publishedBy'],
  ...['bindingApplications.decidedBy', 'subjectRequests.decidedBy', 'staffRequests.requestedBy'],
  ...['staffRequests.decidedBy', 'secondFactorRemovals.requestedBy', 'personMerges.mergedBy'],
];

const PERSON_COLUMN = /^(person|student|guardian|account|actor|subject|kept|other|homeroomTeacher)Id$|By$/;

describe('a merge', () => {
  it('moves each column with a person, or leaves it for a reason', () => {
    const columns = Object.entries(sqliteTables).flatMap(([table, definition]) =>
      Object.keys(getTableColumns(definition))
        .filter((name) => PERSON_COLUMN.test(name))
        .map((name) => `${table}.${name}`),
    );
    assert.deepEqual(columns.sort(), [...MOVED, ...Object.keys(KEPT), ...ACTORS].sort());
  });
});

const secrets = createSecrets(randomBytes(32), systemRandom);
const LATER = NOW + 1;

type Rows = { [Name in keyof Tables]?: Tables[Name]['$inferInsert'][] };

/** The younger account of the father, who is an adult student too, with a row for every column that moves. */
function rowsOfTwin(): Rows {
  const application = { accountId: 'account2', studentId: 'twin', schoolCode: HIGH.code };
  const times = { createdAt: LATER, updatedAt: LATER };
  const enrollment = { studentId: 'twin', schoolCode: HIGH.code, studentNumber: '9', seat: 1 };
  return {
    persons: [
      {
        ...{ ...person('twin', '王大明'), createdAt: LATER, sharingStoppedAt: NOW, adultOnLookup: 'day' },
        ...{ locale: 'en', localeChosenAt: LATER },
        birthDateSealed: secrets.seal('birth-date', 'twin', '2009-01-01'),
      },
      { ...person('account2', '王大明家長'), kind: 'school_account' },
      person('earlier', '王大明'),
      person('child', '王小明'),
    ],
    identifiers: [{ id: 'i9', personId: 'twin', kind: 'mobile', value: '+886900000909', createdAt: LATER }],
    memberships: [{ id: 'm9', personId: 'twin', schoolCode: HIGH.code, role: 'staff', isPrimary: false }],
    classes: [
      {
        ...{ id: 'c9', schoolCode: HIGH.code, year: 115, semester: 1, grade: 1, classno: '109' },
        ...{ classtitle: '一年九班', homeroomTeacherId: 'twin' },
      },
    ],
    enrollments: [{ ...enrollment, id: 'e9', classId: 'c9' }],
    schoolAccounts: [{ personId: 'account2', studentId: 'twin', schoolCode: HIGH.code }],
    guardianships: [guardianship('g8', 'twin', 'child'), guardianship('g9', 'teacher', 'twin')],
    bindingApplications: [
      { ...application, ...times, id: 'a8', state: 'approved', submittedAt: NOW },
      { ...application, ...times, id: 'a9', state: 'submitted', submittedAt: NOW },
    ],
    bindingApplicants: [
      { applicationId: 'a8', position: 1, payloadSealed: '', nationalIdLookup: 'l', guardianId: 'twin' },
    ],
    noticeAnswers: [
      {
        ...{ id: 'n9', studentId: 'twin', accountId: 'gone', schoolCode: HIGH.code },
        ...{ noticeVersion: 1, answer: 'agree', answeredAt: NOW },
      },
    ],
    subjectRequests: [
      { id: 'r9', kind: 'stop_processing', personId: 'twin', state: 'open', createdAt: NOW, dueAt: NOW },
    ],
    personMerges: [
      { id: 'p9', keptId: 'twin', otherId: 'earlier', snapshotSealed: '', mergedAt: NOW - 1, mergedBy: 'desk' },
    ],
  };
}

eachStore('the merge of an account with a row in every table', (on) => {
  withFamily(on);
  before(() =>
    on.store.write(async (tx) => {
      await tx.db.update(tx.tables.persons).set({ nationalIdLookup: null, nationalIdSealed: null });
      const rows = Object.entries(rowsOfTwin());
      for (const [name, table] of Object.entries(tx.tables)) {
        const values = rows.find(([key]) => key === name)?.[1] ?? [];
        for (const row of values) await tx.db.insert(table).values(row);
      }
    }),
  );
  const deps = {
    ...{ clock: { now: () => NOW }, random: systemRandom, secrets },
    revocation: {
      ...{ revokeAllOf: () => Promise.resolve(undefined), revokeGrants: () => Promise.resolve() },
    },
    guardianships: { applyIn: () => assert.fail('no guardianship is a duplicate') },
  };
  const merge = createMergeEffect(deps);
  const undo = createUndoMergeEffect(deps);
  const context = { actorId: 'desk', delayMs: 0, reason: 'one person' };
  const readTwin = () => on.store.read((tx) => findPerson(tx, 'twin'));
  const run = async (): Promise<Effect> => {
    const input = formatMergeInput({ otherId: 'twin', version: (await readTwin())?.staffVersion ?? 0 });
    return on.store.write((tx) => merge.apply(tx, 'father', { ...context, input }));
  };
  const runUndo = (): Promise<Effect> => on.store.write((tx) => undo.apply(tx, 'father', { ...context, input: '' }));
  /** Counts the rows of a person by column that moves. */
  const countOf = (id: string): Promise<Record<string, number>> =>
    on.store.read(async (tx) => {
      const counts: Record<string, number> = {};
      for (const column of MOVED) counts[column] = await countRows(tx, column, id);
      return counts;
    });

  it('leaves no row with the account that ended, and the undo gives each row back', async () => {
    const before = { twin: await countOf('twin'), father: await countOf('father') };
    assert.ok(Object.values(before.twin).every((n) => n > 0));
    const father = await on.store.read((tx) => findPerson(tx, 'father'));
    const language = [father?.locale, father?.localeChosenAt];
    assert.equal((await run()).kind, 'done');
    assert.ok(Object.values(await countOf('twin')).every((n) => n === 0));
    for (const [column, n] of Object.entries(before.twin)) {
      // The row of the merge itself is one more.
      const expected = n + (before.father[column] ?? 0) + (column === 'personMerges.keptId' ? 1 : 0);
      assert.equal((await countOf('father'))[column], expected, column);
    }
    const kept = await on.store.read((tx) => findPerson(tx, 'father'));
    assert.equal(kept?.sharingStoppedAt, NOW);
    assert.equal(kept.adultOnLookup, 'day');
    assert.deepEqual([kept.locale, kept.localeChosenAt], language, 'each account keeps its own language');
    assert.equal(secrets.open('birth-date', 'father', kept.birthDateSealed ?? ''), '2009-01-01');
    assert.equal((await runUndo()).kind, 'done');
    assert.deepEqual(await countOf('twin'), before.twin);
    const again = await on.store.read((tx) => findPerson(tx, 'father'));
    assert.deepEqual([again?.sharingStoppedAt, again?.birthDateSealed, again?.adultOnLookup], [null, null, null]);
  });

  it('gives back what a school account has made since the merge', async () => {
    await run();
    const times = { createdAt: LATER, updatedAt: LATER };
    await on.store.write((tx) =>
      tx.db.insert(tx.tables.bindingApplications).values({
        ...{ ...times, id: 'a10', accountId: 'account2', studentId: 'father', schoolCode: HIGH.code },
        ...{ state: 'rejected', submittedAt: NOW },
      }),
    );
    assert.equal((await runUndo()).kind, 'done');
    assert.equal((await countOf('twin'))['bindingApplications.studentId'], 3);
  });

  it('is refused while both accounts have an open application', async () => {
    const times = { createdAt: LATER, updatedAt: LATER };
    await on.store.write((tx) =>
      tx.db.insert(tx.tables.bindingApplications).values({
        ...{ ...times, id: 'a11', accountId: 'account', studentId: 'father', schoolCode: HIGH.code },
        state: 'returned',
      }),
    );
    assert.deepEqual(await run(), { kind: 'impossible', why: 'merge_applications' });
  });
});

async function countRows({ db, tables }: Transaction, column: string, id: string): Promise<number> {
  const [tableName, columnName = ''] = column.split('.');
  const table = Object.entries(tables).find(([name]) => name === tableName)?.[1];
  assert.ok(table, tableName);
  const rows: object[] = await db.select().from(table);
  return rows.filter((row) => Object.entries(row).some(([name, value]) => name === columnName && value === id)).length;
}
