/** Sequences of actions of a family, of reviewers, of the register and of the school, against the rules that hold after each of them. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { eq } from 'drizzle-orm';
import fc from 'fast-check';

import { availableContexts } from '../../src/domain/acting/contexts.ts';
import type { ReviewDecision } from '../../src/domain/binding/application.ts';
import type { GuardianshipAction } from '../../src/domain/acting/guardianship.ts';
import { SCHOOL_TYPES, type ClientEntitlements } from '../../src/domain/model.ts';
import type { NoticeAnswer } from '../../src/domain/binding/notice.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { localDate } from '../../src/domain/clock.ts';
import { sealApplicant, type ApplicantData } from '../../src/services/binding/applicant-data.ts';
import { createBindingApplications, type BindingApplications } from '../../src/services/binding/applications.ts';
import { getCurrentNotice } from '../../src/services/binding/notices.ts';
import { importRegister } from '../../src/services/binding/register-import.ts';
import { createReview, type Review } from '../../src/services/binding/review.ts';
import { createAuthorization } from '../../src/services/console/authorization.ts';
import { findCurrentApplication, upsertApplicant, type ApplicationRow } from '../../src/store/binding/applications.ts';
import { findLatestAnswer, insertNotice } from '../../src/store/binding/notices.ts';
import { listGuardiansOf, type StudentGuardian } from '../../src/store/binding/review.ts';
import { loadPersonFacts } from '../../src/store/people/people.ts';
import { setRegisterChecked } from '../../src/store/people/schools.ts';
import { createTestServices, TEST_NOW, testClient, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';
import { grantEntries, listActive, storeGrant, storeSession } from '../helpers/stored-sessions.ts';
import { family, HIGH } from './family.ts';

const FORM = { accountId: 'account', address: '192.0.2.1' };
const STUDENT_ID = 'Y200200404';
const PEOPLE: readonly ApplicantData[] = (
  [
    ['father', '王大偉', 'Y100600000', '611'],
    ['mother', '林美惠', 'Y200600002', '612'],
  ] as const
).map(([relation, name, nationalId, at]) => ({
  ...{ name, relation, nationalId, mobile: `+886900000${at}`, email: `${relation}@sequences.example` },
}));
const TODAY = localDate(TEST_NOW);

/** The names of actions. Frequent ones lead further. */
const ACTIONS = [
  ...['publish', 'restart', 'withdraw', 'empty register', 'switch on', 'switch off'],
  ...['submit', 'submit', 'sign in', 'sign in', 'fill 0', 'fill 1', 'register 0', 'register 1'],
  ...['answer agree', 'answer agree', 'answer disagree', 'answer decline'],
  ...['approve', 'approve', 'return', 'reject', 'suspend', 'resume', 'revoke', 'expire'],
] as const;
type Action = (typeof ACTIONS)[number];
const action = fc.constantFrom<Action>(...ACTIONS);

/** Paths that reach a guardianship and its end, with any actions between their steps. */
const PATHS: readonly (readonly Action[])[] = [
  ['fill 0', 'answer agree', 'fill 0', 'submit', 'approve', 'sign in', 'suspend'],
  ['switch on', 'register 1', 'fill 1', 'answer agree', 'fill 1', 'submit', 'sign in', 'revoke'],
];
const between = fc.array(action, { maxLength: 2 });
const sequence = fc.oneof(
  fc.array(action, { minLength: 5, maxLength: 20 }),
  ...PATHS.map((path) =>
    fc
      .tuple(...path.map(() => between))
      .map((extra) => extra.flatMap((some, at) => [...some, ...path.slice(at, at + 1)])),
  ),
);

interface State {
  application: ApplicationRow | undefined;
  guardians: readonly StudentGuardian[];
}

eachStore('applications and guardianships after any sequence of actions', (on) => {
  let services: TestServices;
  let binding: BindingApplications;
  let review: Review;
  let grants = 0;
  const reached = { approvals: 0, byRegister: 0, ends: 0 };

  before(async () => {
    await on.store.write(family);
    services = createTestServices(on.store, [testClient('app')]);
    const { store, clock, settings } = services;
    const issuer = 'https://id.example';
    binding = createBindingApplications({ ...services, random: systemRandom, issuer });
    review = createReview({ ...services, authorization: createAuthorization({ store, clock, settings }), issuer });
  });

  const reset = (): Promise<void> =>
    on.store.write(async (tx) => {
      const { tables, db } = tx;
      const { bindingApplications, noticeAnswers, bindingNotices, guardianships, grants, oidcRecords, sessions } =
        tables;
      for (const table of [
        ...[bindingApplications, noticeAnswers, bindingNotices, guardianships, grants, oidcRecords, sessions],
        ...[tables.registerImports, tables.registerEntries, tables.throttles],
      ]) {
        await db.delete(table);
      }
      const birthDateSealed = services.secrets.seal('birth-date', 'older', '2012-05-05');
      const nationalIdLookup = services.secrets.mac('national-id-lookup', STUDENT_ID);
      await db.update(tables.persons).set({ birthDateSealed, nationalIdLookup }).where(eq(tables.persons.id, 'older'));
      await setRegisterChecked(tx, HIGH.code, false);
    });
  const load = (): Promise<State> =>
    on.store.read(async (tx) => ({
      application: await findCurrentApplication(tx, 'older'),
      guardians: await listGuardiansOf(tx, 'older'),
    }));

  /** Stores a confirmed applicant, as the steps of the pages do together with the mailed code. */
  const fill = async ({ application }: State, at: number): Promise<void> => {
    const data = PEOPLE[at];
    if (application === undefined || data === undefined) return;
    const version = async (): Promise<number> => (await load()).application?.version ?? 0;
    await binding.confirmStudent({ ...FORM, version: await version(), report: '' });
    await binding.chooseApplicants({ ...FORM, version: await version(), applicantKind: 'one', validTo: undefined });
    if (!['draft', 'returned'].includes(application.state) || (await load()).application?.applicantKind === null)
      return;
    const key = { applicationId: application.id, position: 1 };
    await on.store.write((tx) =>
      upsertApplicant(tx, {
        ...{ ...key, ...sealApplicant(services.secrets, key, data), emailCodeMac: null, emailCodeExpiresAt: null },
        ...{ emailCodeFailures: 0, emailVerifiedAt: TEST_NOW, guardianId: null },
      }),
    );
    await binding.addEvidence({ ...FORM, version: await version(), files: [], isDone: true });
  };
  const signIn = async ({ guardians }: State): Promise<void> => {
    for (const { id, guardianId, state } of guardians) {
      if (state !== 'active') continue;
      const stored = { personId: guardianId, sessionHash: `session of ${guardianId}` };
      await storeSession(services, { ...stored, sids: { app: guardianId } });
      const basis = { role: 'parent' as const, childId: 'older', basisId: id };
      grants += 1;
      await storeGrant(services, { ...stored, ...basis, clientId: 'app', grantHash: `grant ${String(grants)}` });
    }
  };

  const answer = async (value: NoticeAnswer, version: number): Promise<unknown> => {
    const notice = await on.store.read((tx) => getCurrentNotice(tx));
    return binding.answerNotice({ ...FORM, version, noticeVersion: notice.version, answer: value });
  };
  const publish = (): Promise<unknown> =>
    on.store.write(async (tx) => {
      const { version } = await getCurrentNotice(tx);
      const text = { chinese: '內容', english: 'text', publishedAt: TEST_NOW, publishedBy: null };
      return insertNotice(tx, { version: version + 1, ...text });
    });
  const register = (people: readonly ApplicantData[]): Promise<unknown> =>
    importRegister(services, (add) =>
      add(
        people.map(({ nationalId: guardianId, name, relation }) => ({
          studentId: STUDENT_ID,
          guardianId,
          name,
          relation,
        })),
      ),
    );
  const decide = ({ application }: State, decision: ReviewDecision): Promise<unknown> =>
    review.decide({
      ...{ actorId: 'teacher', applicationId: application?.id ?? '', decision, reason: 'reason' },
      ...{ version: application?.version ?? 0, address: FORM.address },
    });
  const change = ({ guardians: [first] }: State, name: GuardianshipAction): Promise<unknown> =>
    services.guardianships.applyAction({
      id: first?.id ?? '',
      action: name,
      reason: 'court order',
      actorId: 'teacher',
    });
  const perform: Readonly<Record<Action, (state: State, version: number) => Promise<unknown>>> = {
    publish,
    restart: () => {
      // The newest application is the current one.
      services.advance(1);
      return binding.restart({ ...FORM, clientId: undefined });
    },
    withdraw: (_, version) => binding.withdraw({ ...FORM, version }),
    submit: (_, version) => binding.submit({ ...FORM, version, lang: 'en' }),
    'sign in': signIn,
    'fill 0': (state) => fill(state, 0),
    'fill 1': (state) => fill(state, 1),
    'register 0': () => register(PEOPLE.slice(0, 1)),
    'register 1': () => register(PEOPLE.slice(1)),
    'empty register': () => register([]),
    'switch on': () => on.store.write((tx) => setRegisterChecked(tx, HIGH.code, true)),
    'switch off': () => on.store.write((tx) => setRegisterChecked(tx, HIGH.code, false)),
    'answer agree': (_, version) => answer('agree', version),
    'answer disagree': (_, version) => answer('disagree', version),
    'answer decline': (_, version) => answer('decline', version),
    approve: (state) => decide(state, 'approve'),
    return: (state) => decide(state, 'return'),
    reject: (state) => decide(state, 'reject'),
    suspend: (state) => change(state, 'suspend'),
    resume: (state) => change(state, 'resume'),
    revoke: (state) => change(state, 'revoke'),
    expire: (state) => change(state, 'expire'),
  };

  /** A guardianship appears only at an approval: of a reviewer, or of the register at a submission; and consent came before. */
  const checkConsent = async (one: Action, before: State, after: State): Promise<void> => {
    const { answer, current } = await on.store.read(async (tx) => ({
      answer: await findLatestAnswer(tx, 'older'),
      current: await getCurrentNotice(tx),
    }));
    const hasSubmitted = one === 'submit' && before.application?.version !== after.application?.version;
    if (hasSubmitted) assert.deepEqual([answer?.answer, answer?.noticeVersion], ['agree', current.version]);
    const known = new Set(before.guardians.map(({ id }) => id));
    const added = after.guardians.filter(({ id }) => !known.has(id));
    if (added.length === 0) return;
    assert.equal(added.length, 1);
    assert.equal(after.application?.state, 'approved');
    assert.equal(answer?.answer, 'agree');
    assert.ok(answer.answeredAt >= after.application.createdAt);
    if (one === 'submit') {
      reached.byRegister += 1;
      assert.equal(after.application.decidedBy, null);
    } else {
      reached.approvals += 1;
      assert.deepEqual([one, before.application?.state], ['approve', 'submitted']);
      assert.equal(after.application.decidedBy, 'teacher');
    }
  };

  /** No grant, token or claim depends on a guardianship that is not active. */
  const checkAccess = async ({ guardians }: State): Promise<void> => {
    const scopes = ['openid', 'roles', 'children'];
    const entitlements: ClientEntitlements = { scopes, schoolTypes: SCHOOL_TYPES, permissions: ['portfolio:read'] };
    const active = await listActive(services);
    const bases = await on.store.read((tx) => tx.db.select().from(tx.tables.grants));
    const expected = bases.flatMap(({ grantHash }) => grantEntries(grantHash));
    const tokens = active.filter((entry) => !entry.startsWith('session') && !entry.startsWith('Session'));
    assert.deepEqual(tokens, expected.sort());
    for (const { basisId } of bases) {
      assert.equal(guardians.find(({ id }) => id === basisId)?.state, 'active', 'a grant outlived its guardianship');
    }
    for (const { guardianId, state } of guardians) {
      const facts = await on.store.read((tx) => loadPersonFacts(tx, guardianId, TODAY));
      const contexts = facts === undefined ? [] : availableContexts(facts, entitlements, TODAY);
      assert.equal(JSON.stringify(contexts).includes('older'), state === 'active');
    }
  };

  const hasEnded = (before: State, after: State): boolean =>
    before.guardians.some(
      ({ id, state }) => state === 'active' && after.guardians.some((one) => one.id === id && one.state !== 'active'),
    );

  it('have consent to the current notice and an approval, and no access after an end', async () => {
    await fc.assert(
      fc.asyncProperty(sequence, async (actions) => {
        await reset();
        await binding.open({ ...FORM, clientId: undefined });
        for (const one of actions) {
          const earlier = await load();
          await perform[one](earlier, earlier.application?.version ?? 0);
          const later = await load();
          await checkConsent(one, earlier, later);
          await checkAccess(later);
          if (hasEnded(earlier, later)) reached.ends += 1;
        }
      }),
      { numRuns: on.store.dialect === 'sqlite' ? 40 : 7, examples: PATHS.map((path) => [[...path]]) },
    );
    assert.ok(
      Object.values(reached).every((count) => count > 0),
      JSON.stringify(reached),
    );
  });
});
