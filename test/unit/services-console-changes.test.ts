/** The actions of the console with a value: contacts, identity, guardianships, second factors and merges. */
import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';
import { eq } from 'drizzle-orm';
import type { NamedKey } from '../../demo/city/fixtures.ts';
import { loadDemoCity } from '../../demo/city/load.ts';
import { DEMO_PASSWORD, namedId } from '../../demo/city/named-people.ts';
import { createConsoleServices } from '../../src/container/console.ts';
import type { PersonActionName } from '../../src/domain/access/person-actions.ts';
import { localDate } from '../../src/domain/clock.ts';
import { DAY_MS, HOUR_MS } from '../../src/domain/duration.ts';
import { systemRandom } from '../../src/domain/random.ts';
import type { StaffActor } from '../../src/services/console/authorization.ts';
import type { ConsoleServices } from '../../src/services/console/index.ts';
import { formatMergeInput } from '../../src/services/console/merge-effect.ts';
import type { PersonActionResult } from '../../src/services/console/person-actions.ts';
import { insertSecondFactor, listSecondFactors } from '../../src/store/auth/second-factors.ts';
import { listNamedGuardianships } from '../../src/store/console/person-details.ts';
import { findPerson, insertPerson, listIdentifiers } from '../../src/store/people/people.ts';
import { insertMembership } from '../../src/store/people/schools.ts';
import { createTestServices, TEST_ISSUER, TEST_NOW, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';

/** After everyone in the city was created, ms since 1970: a merge keeps the older account. */
const LATER = 4_000_000_000_000;

const SEED = 'kinpass';
const id = (key: NamedKey): string => namedId(SEED, key);
const ADDRESS = '192.0.2.1';

eachStore('changes by staff', (on) => {
  let services: TestServices;
  let staff: ConsoleServices;
  before(async () => {
    services = createTestServices(on.store);
    await loadDemoCity({ ...services, seed: SEED, people: 0 });
    staff = createConsoleServices({
      ...services,
      log: services.capturedLog.log,
      random: systemRandom,
      issuer: TEST_ISSUER,
    });
  });
  beforeEach(async () => {
    await services.takeJobs();
    await services.newEntries();
  });

  const actorOf = async (personId: string): Promise<StaffActor> => {
    const found = await staff.authorization.findActor(personId);
    assert.ok(found, personId);
    return found;
  };
  const versionOf = async (personId: string): Promise<number> =>
    (await on.store.read((tx) => findPerson(tx, personId)))?.staffVersion ?? 0;
  const act = async (
    actor: NamedKey,
    action: PersonActionName,
    target: NamedKey,
    input = '',
  ): Promise<PersonActionResult> =>
    staff.personActions.perform({
      ...{ actorId: id(actor), personId: id(target), action, input, reason: 'asked by phone', address: ADDRESS },
      version: await versionOf(id(target)),
    });
  const loginsOf = async (key: NamedKey): Promise<string[]> =>
    (await on.store.read((tx) => listIdentifiers(tx, id(key)))).map(({ value }) => value);
  const canSignIn = async (login: string, password = DEMO_PASSWORD): Promise<string> =>
    (await services.signIn.attempt({ login, password, address: '192.0.2.2', clientId: undefined })).kind;

  it('rejects invalid, taken and unchanged addresses before a request is made', async () => {
    for (const [action, input, why] of [
      ['change-email', 'not an address', 'invalid_email'],
      ['change-email', '0911222333', 'invalid_email'],
      ['change-mobile', '12345', 'invalid_mobile'],
      ['change-email', 'shufen.chen@school.example', 'taken'],
      ['change-email', 'DAMING.WANG@parents.example', 'already_done'],
    ] as const) {
      assert.deepEqual(await act('B1', action, 'G1', input), { kind: 'impossible', why }, input);
    }
    const taken = await act('A1', 'change-email', 'G1', 'shufen.chen@school.example');
    assert.deepEqual(taken, { kind: 'impossible', why: 'taken' }, 'no request is made');
    assert.deepEqual(await act('B1', 'change-email', 'H4', 'x@parents.example'), {
      kind: 'impossible',
      why: 'school_account',
    });
  });

  it('corrects a name, which the search finds at once', async () => {
    assert.equal((await act('A2', 'correct-name', 'G1', '  王大銘 ')).kind, 'done');
    const found = await staff.search.find(await actorOf(id('A2')), '王大銘', undefined);
    assert.deepEqual(
      found.people.map((person) => person.id),
      [id('G1')],
    );
    assert.deepEqual(await act('A2', 'correct-name', 'G1', ' \u200b '), { kind: 'impossible', why: 'invalid_name' });
    assert.deepEqual(await act('A1', 'correct-name', 'G1', '王大明'), { kind: 'denied', reason: 'capacity' });
    assert.equal((await act('A2', 'correct-name', 'G1', '王大明')).kind, 'done');
    const entries = await services.newEntries();
    assert.deepEqual(
      entries.map(({ detail }) => [detail['before'], detail['after']]),
      [
        ['王•••明', '王•••銘'],
        ['王•••銘', '王•••明'],
      ],
    );
    assert.equal(/王大[明銘]/.test(JSON.stringify(entries)), false, 'the log outlives a deletion of the person');
  });

  it('corrects a national ID with its keyed hash, sealed value and first password', async () => {
    assert.deepEqual(await act('A2', 'correct-national-id', 'G1', 'Y100100202'), {
      kind: 'impossible',
      why: 'invalid_national_id',
    });
    assert.deepEqual(await act('A2', 'correct-national-id', 'G1', 'Y200100301'), {
      kind: 'impossible',
      why: 'national_id_taken',
    });
    assert.equal((await act('A2', 'correct-national-id', 'G1', 'y100200206')).kind, 'done');
    const found = await staff.search.find(await actorOf(id('A2')), 'Y100200206', undefined);
    assert.deepEqual(
      found.people.map((person) => person.id),
      [id('G1')],
    );
    assert.equal(await canSignIn('0900000101', '100201'), 'failed');
    assert.equal(await canSignIn('0900000101', '200206'), 'password_change_required');
    const entry = (await services.newEntries()).find(({ event }) => event === 'staff.correct_identity');
    assert.deepEqual([entry?.detail['before'], entry?.detail['after']], ['Y1•••••201', 'Y1•••••206']);
  });

  it('shows a masked national ID to the registrar only, and the full one as an action of its own', async () => {
    const pageFor = async (key: NamedKey) => staff.personPages.load(await actorOf(id(key)), id('S1'));
    assert.equal((await pageFor('A2'))?.nationalId, 'Y1•••••108');
    assert.equal((await pageFor('A1'))?.nationalId, undefined);
    assert.equal((await pageFor('T2'))?.nationalId, undefined);
    const result = await act('A2', 'reveal-national-id', 'S1');
    assert.deepEqual(result, { kind: 'done', revealed: 'Y100200108' });
    const entries = await services.newEntries();
    assert.equal(entries.at(-1)?.event, 'staff.reveal_national_id');
    assert.equal(JSON.stringify(entries).includes('Y100200108'), false);
    assert.deepEqual(await act('A1', 'reveal-national-id', 'S1'), { kind: 'denied', reason: 'capacity' });
  });

  it('suspends, resumes and revokes a guardianship of the own school only', async () => {
    const guardianshipOf = async (guardian: NamedKey, student: NamedKey): Promise<{ id: string; state: string }> => {
      const all = await on.store.read((tx) => listNamedGuardianships(tx, id(guardian)));
      const found = all.find((one) => one.student.id === id(student));
      assert.ok(found);
      return found;
    };
    const own = await guardianshipOf('G2', 'S1');
    // The younger child is at another school, where this registrar has no say.
    const other = await guardianshipOf('G2', 'S2');
    assert.deepEqual(await act('A2', 'suspend-guardianship', 'G2', other.id), { kind: 'denied', reason: 'not_found' });
    const ofOther = await act('A2', 'suspend-guardianship', 'G1', own.id);
    assert.deepEqual(ofOther, { kind: 'impossible', why: 'guardianship_state' }, 'the page of another guardian');
    assert.deepEqual(await act('A1', 'suspend-guardianship', 'G2', own.id), { kind: 'denied', reason: 'capacity' });
    assert.equal((await act('A2', 'suspend-guardianship', 'G2', own.id)).kind, 'done');
    assert.equal((await guardianshipOf('G2', 'S1')).state, 'suspended');
    assert.equal((await act('A2', 'resume-guardianship', 'G2', own.id)).kind, 'done');
    assert.equal((await act('A2', 'revoke-guardianship', 'G2', own.id)).kind, 'done');
    assert.equal((await guardianshipOf('G2', 'S1')).state, 'revoked');
    const events = (await services.newEntries()).map(({ event }) => event);
    assert.ok(events.includes('guardianship.suspended') && events.includes('guardianship.revoked'));
  });

  it('removes the second factors of a parent at once, and those of staff after a day', async () => {
    const addFactor = async (key: NamedKey): Promise<void> => {
      const factor = { id: systemRandom.uuid(), personId: id(key), kind: 'totp', name: 'phone', key: '-' } as const;
      await on.store.write((tx) => insertSecondFactor(tx, { ...factor, counter: 0, createdAt: TEST_NOW }));
    };
    const count = async (key: NamedKey): Promise<number> =>
      (await on.store.read((tx) => listSecondFactors(tx, id(key)))).length;
    assert.deepEqual(await act('A1', 'remove-second-factor', 'G1'), { kind: 'impossible', why: 'no_factors' });
    await addFactor('G1');
    assert.equal((await act('A1', 'remove-second-factor', 'G1')).kind, 'done');
    assert.equal(await count('G1'), 0);
    await addFactor('A2');
    assert.deepEqual(await act('A1', 'remove-second-factor', 'A2'), { kind: 'denied', reason: 'capacity' });
    assert.equal((await act('B1', 'remove-second-factor', 'A2')).kind, 'done');
    assert.equal(await count('A2'), 1);
    assert.equal(await staff.secondFactorRemovals.executeDue(10), 0);
    assert.equal(await staff.secondFactorRemovals.cancel(id('A2'), ADDRESS), true);
    services.advance(25 * HOUR_MS);
    assert.equal(await staff.secondFactorRemovals.executeDue(10), 0);
    assert.equal(await count('A2'), 1);
    assert.equal((await act('B1', 'remove-second-factor', 'A2')).kind, 'done');
    services.advance(24 * HOUR_MS);
    await services.newEntries();
    assert.equal(await staff.secondFactorRemovals.executeDue(10), 1);
    const removed = (await services.newEntries()).find(({ event }) => event === 'second_factor.removed');
    assert.deepEqual(removed?.detail, {
      ...{ capacity: 'bureau_admin', school: '', reason: 'asked by phone' },
      ...{ before: 'second factors: 1', after: 'second factors: 0' },
    });
    assert.equal(await count('A2'), 0);
  });

  it('does not merge a guardian and their child, or guardianships in different states', async () => {
    const other = { kind: 'person', name: '王大明', status: 'active', createdAt: LATER, updatedAt: 1 } as const;
    await on.store.write(async (tx) => {
      const { guardianships } = tx.tables;
      const [row] = await tx.db
        .select()
        .from(guardianships)
        .where(eq(guardianships.guardianId, id('G1')));
      assert.ok(row?.state === 'active');
      for (const personId of ['child', 'suspended']) await insertPerson(tx, { ...other, id: personId });
      await tx.db.insert(guardianships).values({ ...row, id: 'g-child', studentId: 'child' });
      await tx.db.insert(guardianships).values({ ...row, id: 'g-other', guardianId: 'suspended', state: 'suspended' });
    });
    for (const [otherId, why] of [
      ['child', 'merge_family'],
      ['suspended', 'merge_guardianship'],
    ] as const) {
      const input = formatMergeInput({ otherId, version: 1 });
      assert.deepEqual(await act('B1', 'merge', 'G1', input), { kind: 'impossible', why });
    }
    await on.store.write((tx) =>
      tx.db.delete(tx.tables.guardianships).where(eq(tx.tables.guardianships.id, 'g-child')),
    );
    await on.store.write((tx) =>
      tx.db.delete(tx.tables.guardianships).where(eq(tx.tables.guardianships.id, 'g-other')),
    );
  });

  it('merges two accounts of one person, and disables the other one', async () => {
    const twin = {
      id: 'twin',
      kind: 'person',
      name: '王大明',
      status: 'active',
      createdAt: LATER,
      updatedAt: 1,
    } as const;
    await on.store.write(async (tx) => {
      await insertPerson(tx, twin);
      const { identifiers, guardianships } = tx.tables;
      const login = { id: 'i-twin', personId: 'twin', kind: 'email', value: 'twin@parents.example' } as const;
      await tx.db.insert(identifiers).values({ ...login, createdAt: 1 });
      const [row] = await tx.db
        .select()
        .from(guardianships)
        .where(eq(guardianships.guardianId, id('G1')));
      assert.ok(row);
      const child = { studentId: id('S4'), guardianId: 'twin', state: 'active' } as const;
      await tx.db.insert(guardianships).values({ ...row, ...child, id: 'g-twin' });
      await tx.db.insert(guardianships).values({ ...row, guardianId: 'twin', id: 'g-same' });
    });
    const input = formatMergeInput({ otherId: 'twin', version: 1 });
    assert.deepEqual(await act('A1', 'merge', 'G1', input), { kind: 'denied', reason: 'capacity' });
    const both = await act(
      'B1',
      'merge',
      'G1',
      formatMergeInput({ otherId: id('G2'), version: await versionOf(id('G2')) }),
    );
    // Revoked above for G2, active for G1: the family differs.
    assert.deepEqual(both, { kind: 'impossible', why: 'merge_guardianship' });
    assert.deepEqual(await act('A2', 'merge', 'G1', formatMergeInput({ otherId: 'twin', version: 9 })), {
      kind: 'impossible',
      why: 'outdated',
    });
    assert.equal((await act('A2', 'merge', 'G1', input)).kind, 'done');
    assert.ok((await loginsOf('G1')).includes('twin@parents.example'));
    assert.equal((await on.store.read((tx) => findPerson(tx, 'twin')))?.status, 'disabled');
    const rows = await on.store.read((tx) => listNamedGuardianships(tx, id('G1')));
    assert.ok(rows.some((row) => row.student.id === id('S4')));
    assert.deepEqual(
      (await on.store.read((tx) => listNamedGuardianships(tx, 'twin'))).map(({ state }) => state),
      ['revoked'],
    );
    const about = { capacity: 'registrar', school: '993301', reason: 'asked by phone' };
    const entries = await services.newEntries();
    assert.deepEqual(entries.find(({ event }) => event === 'person.merged')?.detail, {
      ...about,
      ...{ into: id('G1'), before: 'active', after: 'disabled' },
    });
    const revoked = entries.find(({ event }) => event === 'guardianship.revoked')?.detail;
    assert.deepEqual({ ...revoked, ...about }, revoked);
    assert.equal(await canSignIn('twin@parents.example', '200206'), 'password_change_required');
  });

  it('refuses to act on an account with a membership that begins later, and to merge it', async () => {
    const twin = {
      id: 'future',
      kind: 'person',
      name: '王大明',
      status: 'active',
      createdAt: LATER,
      updatedAt: 1,
    } as const;
    const tomorrow = localDate(services.clock.now() + DAY_MS);
    const begins = { role: 'bureau_admin', isPrimary: true, validFrom: tomorrow } as const;
    await on.store.write(async (tx) => {
      await insertPerson(tx, twin);
      const { guardianships } = tx.tables;
      const [row] = await tx.db
        .select()
        .from(guardianships)
        .where(eq(guardianships.guardianId, id('G1')));
      assert.ok(row);
      const ofPupil = { guardianId: twin.id, studentId: id('S1'), state: 'active' } as const;
      await tx.db.insert(guardianships).values({ ...row, ...ofPupil, id: 'g-future' });
      await insertMembership(tx, { id: 'm-future', personId: twin.id, ...begins });
    });
    const input = formatMergeInput({ otherId: twin.id, version: 1 });
    assert.deepEqual(await act('A2', 'merge', 'G1', input), { kind: 'denied', reason: 'capacity' });
    await on.store.write((tx) => insertMembership(tx, { id: 'm-g1', personId: id('G1'), ...begins }));
    assert.deepEqual(await act('A1', 'revoke-sessions', 'G1'), { kind: 'denied', reason: 'rank' });
    await on.store.write((tx) => tx.db.delete(tx.tables.memberships).where(eq(tx.tables.memberships.id, 'm-g1')));
    assert.equal((await act('A1', 'revoke-sessions', 'G1')).kind, 'done');
  });
});
