/** The copy of personal data covers every table, and the retention of applications. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, it } from 'node:test';
import { sql } from 'drizzle-orm';
import { DEFAULT_POLICY_SETTINGS } from '../../src/domain/access/settings.ts';
import { DAY_MS } from '../../src/domain/duration.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { sealApplicant } from '../../src/services/binding/applicant-data.ts';
import { sealEvidence } from '../../src/services/binding/evidence-file.ts';
import { sealStepInput } from '../../src/services/binding/step-input.ts';
import { createPersonalDataCopy, type PersonalData } from '../../src/services/personal-data/copy.ts';
import { sealRequestPayload } from '../../src/services/personal-data/request-payload.ts';
import { createRetention } from '../../src/services/personal-data/retention.ts';
import type { Transaction } from '../../src/store/database/index.ts';
import { requestEnd } from '../../src/store/people/guardianship-ends.ts';
import { listDependentAccounts } from '../../src/store/personal-data/erasure.ts';
import type { Tables } from '../../src/store/schema/tables.ts';
import { eachStore } from '../helpers/store.ts';
import { NOW } from './constants.ts';
import { guardianship, person, withFamily } from './family.ts';

const secrets = createSecrets(randomBytes(32), systemRandom);

/** The part of the copy that shows the rows of each table. */
const SHOWN: Partial<Record<keyof Tables, string>> = {
  ...{ persons: 'person', identifiers: 'identifiers', pendingContacts: 'pendingContacts', passwords: 'credentials' },
  ...{ firstPasswords: 'credentials', resetLinks: 'credentials', recoveryCodes: 'credentials' },
  ...{
    secondFactors: 'secondFactors',
    secondFactorRemovals: 'credentials',
    applicationPasswords: 'applicationPasswords',
    memberships: 'memberships',
  },
  ...{ classes: 'homeroomClasses', enrollments: 'enrollments', schoolAccounts: 'schoolAccounts' },
  ...{ guardianships: 'guardianships', bindingApplications: 'applications', bindingApplicants: 'applications' },
  ...{
    bindingEvidence: 'applications',
    bindingInputs: 'applications',
    noticeAnswers: 'noticeAnswers',
    familyReminders: 'reminders',
    subjectRequests: 'requests',
  },
  schools: 'schools',
  ...{ staffRequests: 'staffRequests', bulkRows: 'bulkRuns', bulkRuns: 'bulkRuns', personMerges: 'merges' },
  ...{ sessions: 'sessions', grants: 'grants', consents: 'consents', lastContexts: 'lastContexts', audit: 'events' },
};

/** Tables that the copy leaves out, with the reason. */
const LEFT_OUT: Partial<Record<keyof Tables, string>> = {
  bindingNotices: 'texts for everyone; names a bureau administrator by id only',
  registerImports: 'times and a number of entries, of no person',
  registerEntries: 'keyed hashes that only an exact match finds',
  oidcRecords: 'tokens and provider sessions; shown as sessions and grants',
  directoryNumbers: 'an internal number; the directory shows it encrypted',
  usedChallenges: 'no person',
  throttles: 'counters without personal data, deleted after a month',
  keys: 'no person',
  clients: 'no person',
  schoolContacts: 'desks of schools, no person',
  settings: 'no person',
  outbox: 'mails on the way, erased after delivery',
  auditHead: 'no person',
  auditArchive: 'no person',
  signInCounts: 'numbers without people',
  clientCounts: 'numbers without people',
  accountCounts: 'numbers without people',
  answerCounts: 'numbers without people',
};

type Rows = { [Name in keyof Tables]?: Tables[Name]['$inferInsert'] };

/** A row about a person in every table that the copy shows. */
function rowsOf(personId: string): Rows {
  const of = { personId, createdAt: NOW, expiresAt: NOW + DAY_MS };
  const client = { personId, clientId: 'app' };
  const application = { id: 'a1', accountId: 'account', studentId: 'older', schoolCode: '993301' };
  const data = {
    ...{ name: '王大明', relation: 'father' as const, nationalId: 'Y100100201' },
    ...{ mobile: '+886900000101', email: 'daming@parents.example' },
  };
  return {
    pendingContacts: { ...of, kind: 'email', value: 'new@parents.example', tokenHash: 'SECRET' },
    passwords: { personId, hash: 'SECRET', changedAt: NOW },
    firstPasswords: { ...of, kind: 'first', mac: 'SECRET' },
    resetLinks: { ...of, tokenHash: 'SECRET' },
    secondFactors: { id: 'f1', personId, kind: 'totp', name: 'phone', key: 'SECRET', counter: 0, createdAt: NOW },
    recoveryCodes: { personId, codeHash: 'SECRET', createdAt: NOW },
    applicationPasswords: { ...client, id: 'ap1', name: 'tablet', secretHash: 'SECRET', createdAt: NOW },
    secondFactorRemovals: { personId, requestedBy: 'desk', createdAt: NOW, executesAt: NOW },
    bindingApplications: {
      ...{ ...application, state: 'approved', submittedAt: NOW, createdAt: NOW, updatedAt: NOW },
    },
    bindingApplicants: {
      ...{ applicationId: 'a1', position: 1, guardianId: personId },
      ...sealApplicant(secrets, { applicationId: 'a1', position: 1 }, data),
    },
    bindingEvidence: {
      ...{ id: 'v1', applicationId: 'a1', contentType: 'application/pdf', size: 1, createdAt: NOW },
      ...sealEvidence(secrets, 'v1', { name: 'card.pdf', content: Buffer.from('x') }),
    },
    bindingInputs: sealStepInput(
      secrets,
      { applicationId: 'a1', step: 'applicant-2' },
      { fields: { name: 'x', national_id: 'Y100100202', email_code: 'SECRET' } },
    ),
    noticeAnswers: {
      ...{ id: 'n1', studentId: 'older', accountId: 'account', schoolCode: '993301' },
      ...{ noticeVersion: 1, answer: 'agree', answeredAt: NOW },
    },
    familyReminders: { studentId: 'older', remindedAt: NOW },
    subjectRequests: {
      ...{ id: 'r1', kind: 'correction', personId, state: 'open', createdAt: NOW, dueAt: NOW },
      payloadSealed: sealRequestPayload(secrets, 'r1', { what: 'w', why: '' }),
    },
    staffRequests: {
      ...{ id: 's1', action: 'unlock', personId, payloadSealed: 'SECRET', staffVersion: 1, requestedBy: 'desk' },
      ...{ requestedAt: NOW, expiresAt: NOW, isOpen: true },
    },
    bulkRuns: {
      ...{ id: 'b1', action: 'links', classId: 'c203', actorId: 'desk', reason: 'SECRET', address: 'SECRET' },
      ...{ createdAt: NOW, leasedUntil: NOW },
    },
    bulkRows: { runId: 'b1', position: 1, personId, staffVersion: 1, state: 'done', codeSealed: 'SECRET' },
    personMerges: {
      id: 'p1',
      keptId: personId,
      otherId: 'x',
      snapshotSealed: 'SECRET',
      mergedAt: NOW,
      mergedBy: 'desk',
    },
    sessions: { ...of, sessionHash: 'SECRET', userAgent: 'phone', address: '192.0.2.1', remember: false },
    grants: { ...of, ...client, grantHash: 'SECRET', sessionHash: 'SECRET', scopes: 'openid' },
    consents: { ...client, scope: 'profile', grantedAt: NOW },
    lastContexts: { ...client, role: 'parent' },
    audit: {
      ...{ seq: 1, at: NOW, event: 'staff.unlock', outcome: 'ok', actorId: 'desk', subjectId: personId },
      ...{ address: 'SECRET', detail: { reason: 'SECRET' }, prevHash: 'SECRET', hash: 'SECRET' },
    },
  };
}

eachStore('the copy of personal data', (on) => {
  withFamily(on);
  const insert = async (tx: Transaction, rows: Rows): Promise<void> => {
    for (const name of Object.keys(tx.tables)) {
      const row = Object.entries(rows).find(([key]) => key === name)?.[1];
      const table = Object.entries(tx.tables).find(([key]) => key === name)?.[1];
      if (row !== undefined && table !== undefined) await tx.db.insert(table).values(row);
    }
  };
  before(async () => {
    await on.store.write(async (tx) => {
      await tx.db.update(tx.tables.persons).set({ nationalIdLookup: null, nationalIdSealed: null });
      const reason = { state: 'revoked', stateReasonSealed: 'SECRET' } as const;
      await insert(tx, { guardianships: { ...guardianship('g3', 'teacher', 'older'), ...reason } });
      await insert(tx, rowsOf('father'));
    });
  });
  const load = (id: string): Promise<PersonalData | undefined> => {
    const audit = { append: () => assert.fail(), record: () => assert.fail(), recordResult: () => assert.fail() };
    return createPersonalDataCopy({ store: on.store, clock: { now: () => NOW }, secrets, audit }).load(id);
  };

  it('shows a row of every table with a person, or the table is left out for a reason', async () => {
    const tables = await on.store.read((tx) => Promise.resolve(Object.keys(tx.tables)));
    assert.deepEqual(tables.sort(), [...Object.keys(SHOWN), ...Object.keys(LEFT_OUT)].sort());
    const parts = new Map<string, unknown>();
    for (const id of ['father', 'teacher', 'older', 'account']) {
      for (const [part, value] of Object.entries((await load(id)) ?? {})) {
        if (!Array.isArray(value) || value.length > 0) parts.set(part, value);
      }
    }
    for (const [table, part] of Object.entries(SHOWN)) assert.ok(parts.has(part), table);
    const { credentials } = (await load('father')) ?? {};
    assert.deepEqual(
      Object.values(credentials ?? {}).filter((value) => value === null || value === 0),
      [],
    );
  });

  it('has no secret, no reason of staff and no column that is sealed', async () => {
    for (const id of ['father', 'teacher', 'older', 'account']) {
      const text = JSON.stringify(await load(id));
      assert.equal(text.includes('SECRET'), false, id);
      assert.equal(/[Hh]ash|Sealed|"mac"/.test(text), false, id);
    }
  });

  it('shows an applicant to the family and to the applicant, and to no one else', async () => {
    const has = async (id: string): Promise<boolean> =>
      JSON.stringify((await load(id))?.applications).includes('daming@parents.example');
    assert.deepEqual(await Promise.all(['father', 'account', 'older', 'teacher'].map(has)), [true, true, false, false]);
    assert.equal(JSON.stringify((await load('father'))?.applications).includes('card.pdf'), false);
    assert.ok(JSON.stringify((await load('account'))?.applications).includes('card.pdf'));
  });

  it('shows a request to end a guardianship to the guardian who wrote it only', async () => {
    await on.store.write((tx) => requestEnd(tx, 'g1', secrets.seal('end-request', 'g1', '搬到外縣市'), NOW));
    const requestsOf = async (id: string) =>
      (await load(id))?.guardianships.map(({ endRequest, endRequestedAt }) => [endRequest, endRequestedAt]);
    assert.deepEqual((await requestsOf('father'))?.[0], ['搬到外縣市', NOW]);
    assert.ok((await requestsOf('older'))?.every((one) => one.every((value) => value === null)));
  });

  it('is deleted with every account merged into the person, unless staff enabled it again', async () => {
    const merged = { snapshotSealed: '', mergedAt: NOW, mergedBy: 'desk' };
    const accounts = ['first', 'second', 'enabled', 'undone'];
    const found = await on.store.write(async (tx) => {
      const { persons, personMerges } = tx.tables;
      const rows = accounts.map(
        (id) => ({ ...person(id, '李美玲'), status: id === 'enabled' ? 'active' : 'disabled' }) as const,
      );
      await tx.db.insert(persons).values(rows);
      await tx.db.insert(personMerges).values([
        { ...merged, id: 'm1', keptId: 'first', otherId: 'second' },
        { ...merged, id: 'm2', keptId: 'teacher', otherId: 'first' },
        { ...merged, id: 'm3', keptId: 'teacher', otherId: 'enabled' },
        { ...merged, id: 'm4', keptId: 'teacher', otherId: 'undone', undoneAt: NOW },
      ]);
      return listDependentAccounts(tx, 'teacher');
    });
    assert.deepEqual(found.sort(), ['first', 'second']);
  });

  it('ends with the retention: evidence first, then the application', async () => {
    let now = NOW;
    const policy = { applicationDays: 90, evidenceDays: 30 };
    const retention = createRetention({
      ...{ store: on.store, clock: { now: () => now } },
      settings: { loadPolicy: () => Promise.resolve({ ...DEFAULT_POLICY_SETTINGS, ...policy }) },
    });
    const left = (): Promise<number[]> =>
      on.store.read(async ({ db, tables }) => {
        const count = { n: sql<number>`count(*)`.mapWith(Number) };
        const all = [tables.bindingEvidence, tables.bindingApplicants, tables.bindingApplications];
        return Promise.all(all.map(async (table) => (await db.select(count).from(table))[0]?.n ?? 0));
      });
    for (const [days, expected] of [
      [30, [1, 1, 1]],
      [31, [0, 1, 1]],
      [90, [0, 1, 1]],
      [91, [0, 0, 0]],
    ] as const) {
      now = NOW + days * DAY_MS;
      await retention.purge(10);
      assert.deepEqual(await left(), expected, String(days));
    }
  });
});
