import assert from 'node:assert/strict';
import { it } from 'node:test';

import * as credentials from '../../src/store/auth/credentials.ts';
import * as throttles from '../../src/store/auth/throttles.ts';
import { insertMany } from '../../src/store/database/bulk-insert.ts';
import { ConflictError, type Transaction } from '../../src/store/database/index.ts';
import * as guardianships from '../../src/store/people/guardianships.ts';
import * as people from '../../src/store/people/people.ts';
import { eachStore } from '../helpers/store.ts';
import { NOW } from './constants.ts';
import { guardianship, HIGH, person, PRIMARY, withFamily } from './family.ts';

/** Wraps a transaction to count its statements. */
function counting(tx: Transaction): { unit: Transaction; queries: () => number } {
  let queries = 0;
  const execute: Transaction['execute'] = (...statement) => {
    queries++;
    return tx.execute(...statement);
  };
  return { unit: { ...tx, execute }, queries: () => queries };
}

eachStore('people', (on) => {
  withFamily(on);
  const facts = (id: string, today?: string): ReturnType<typeof people.loadPersonFacts> =>
    on.store.read((tx) => people.loadPersonFacts(tx, id, today));

  it('are found by identifier, inside its scope', async () => {
    const find = (...args: [people.IdentifierKind, string, string?]): Promise<string | undefined> =>
      on.store.read((tx) => people.findPersonIdByIdentifier(tx, ...args));
    assert.equal(await find('email', 'daming@parents.example'), 'father');
    assert.equal(await find('account', 'daming@parents.example'), undefined);
    assert.equal(await find('school_account', 'P11330001', '993301'), 'account');
    assert.equal(await find('school_account', 'P11330001', '993302'), undefined);
    assert.equal(await find('school_account', 'P11330001'), undefined);
  });

  it('have example logins only with an email address of the domain .example', async () => {
    assert.equal(await on.store.read(people.hasExampleLogins), true);
    class Rollback extends Error {}
    const work = on.store.write(async (tx) => {
      await tx.db.update(tx.tables.identifiers).set({ kind: 'account' });
      assert.equal(await people.hasExampleLogins(tx), false);
      throw new Rollback();
    });
    await assert.rejects(work, Rollback);
  });

  it('return the facts of a guardian', async () => {
    const father = await facts('father', '2026-11-23');
    assert.deepEqual(father?.identifiers, [
      { kind: 'email', value: 'daming@parents.example', isVerified: false },
      { kind: 'mobile', value: '+886900000101', isVerified: false },
    ]);
    const [older, younger] = father.children;
    assert.deepEqual(older, {
      guardianship: {
        id: 'g1',
        guardianId: 'father',
        studentId: 'older',
        relation: 'parent',
        authority: 'statutory',
        permissions: ['portfolio:read', 'fees:pay'],
        state: 'active',
        validFrom: '2026-08-01',
        validTo: undefined,
      },
      name: '王小安',
      birthDate: undefined,
      enrollments: [
        {
          id: 'e2',
          studentId: 'older',
          school: HIGH,
          year: 115,
          semester: 1,
          grade: 2,
          classno: '203',
          classtitle: '二年三班',
          seat: 5,
          validFrom: '2026-08-01',
          validTo: undefined,
        },
      ],
    });
    assert.equal(younger?.guardianship.state, 'suspended');
    assert.deepEqual(
      younger.enrollments.map(({ school }) => school),
      [PRIMARY],
    );
  });

  it('return the facts of students and staff on a day, first and last day included', async () => {
    const enrollmentsOn = async (today?: string): Promise<string[] | undefined> =>
      (await facts('older', today))?.enrollments.map(({ id }) => id);
    assert.deepEqual(await enrollmentsOn('2026-07-31'), ['e1']);
    assert.deepEqual(await enrollmentsOn('2026-08-01'), ['e2']);
    assert.deepEqual(await enrollmentsOn(), ['e1', 'e2']);
    const teacher = await facts('teacher', '2026-11-23');
    assert.deepEqual(
      teacher?.memberships.map(({ id, role, isPrimary, school }) => [id, role, isPrimary, school?.code]),
      [
        ['m1', 'teacher', true, '993301'],
        ['m3', 'bureau_admin', false, undefined],
      ],
    );
    assert.equal(await facts('unknown'), undefined);
  });

  it('return the facts of all days with a linguistic collation that sorts signs before digits', async () => {
    if (on.dialect === 'postgres') {
      const column = 'alter table enrolments alter column valid_from type text collate "und-x-icu"';
      await on.store.runExclusively((run) => run(column));
    }
    assert.deepEqual(
      (await facts('older'))?.enrollments.map(({ id }) => id),
      ['e1', 'e2'],
    );
  });

  it('are read and written while a newer node changes their tables', async () => {
    const look = async (): Promise<string[][]> => {
      const read = await facts('older');
      const written = await on.store.write((tx) => people.loadPersonFacts(tx, 'older'));
      return [read, written].map((one) => one?.enrollments.map(({ id }) => id) ?? []);
    };
    const before = await look();
    const change = {
      sqlite: 'alter table classes add column newer text',
      postgres: 'alter table classes alter column classtitle type varchar(200)',
    };
    await on.store.runExclusively((run) => run(change[on.dialect]));
    assert.deepEqual(await look(), before);
  });

  it('cost the same number of queries however many children there are', async () => {
    const children = Array.from({ length: 40 }, (_, i) => `child-${String(i)}`);
    await on.store.write(async (tx) => {
      await insertMany(tx, tx.tables.persons, [person('agency', '安置機構'), ...children.map((id) => person(id, id))]);
      await insertMany(
        tx,
        tx.tables.guardianships,
        children.map((id) => guardianship(`of-${id}`, 'agency', id)),
      );
    });
    const cost = (id: string): Promise<[number | undefined, number]> =>
      on.store.read(async (tx) => {
        const { unit, queries } = counting(tx);
        return [(await people.loadPersonFacts(unit, id))?.children.length, queries()];
      });
    assert.deepEqual(await cost('agency'), [40, 2]);
    assert.deepEqual(await cost('father'), [2, 2]);
  });

  it('return the words that a password must not contain', async () => {
    const context = await on.store.read((tx) => people.loadPasswordContext(tx, 'father'));
    assert.deepEqual(
      { ...context, names: context.names.sort(), studentNumbers: context.studentNumbers.sort(), schools: [] },
      {
        names: ['王大明', '王小安', '王小樂'].sort(),
        emails: ['daming@parents.example'],
        phones: ['+886900000101'],
        accounts: [],
        studentNumbers: ['11060001', '11330001'],
        schools: [],
        nationalIdSealed: 'sealed',
      },
    );
    assert.ok(context.schools.includes('示範國小') && context.schools.includes('993301'));
    const ofAccount = await on.store.read((tx) => people.loadPasswordContext(tx, 'account'));
    assert.deepEqual([ofAccount.accounts, ofAccount.studentNumbers], [['P11330001'], ['11330001']]);
    assert.equal((await on.store.read((tx) => people.loadPasswordContext(tx, 'unknown'))).nationalIdSealed, null);
    // The national ID of a child is not that of the guardian.
    await on.store.write((tx) => guardianships.insertGuardianship(tx, guardianship('g8', 'younger', 'father')));
    assert.equal((await on.store.read((tx) => people.loadPasswordContext(tx, 'younger'))).nationalIdSealed, null);
  });

  it('list school accounts apart, and no memberships for others than staff', async () => {
    const account = await on.store.read((tx) => people.listIdentifiers(tx, 'account'));
    const father = await on.store.read((tx) => people.listIdentifiers(tx, 'father'));
    assert.deepEqual([account.length, father.length], [0, 2]);
    assert.deepEqual((await facts('older'))?.memberships, []);
  });

  it('can be disabled', async () => {
    await on.store.write(async (tx) => {
      assert.equal(await people.updatePersonStatus(tx, 'father', 'disabled', NOW + 6), true);
      assert.equal(await people.updatePersonStatus(tx, 'unknown', 'disabled', NOW), false);
    });
    const father = await facts('father');
    assert.deepEqual([father?.isActive, father?.updatedAt], [false, NOW + 6]);
    const active = await on.store.read((tx) =>
      people.findActivePersonIdByIdentifier(tx, 'email', 'daming@parents.example'),
    );
    assert.equal(active, undefined);
  });
});

eachStore('guardianships', (on) => {
  withFamily(on);

  it('are unique for each pair of guardian and student', async () => {
    await on.store.write((tx) =>
      assert.rejects(
        guardianships.insertGuardianship(tx, guardianship('g9', 'father', 'older')),
        new ConflictError('guardianship'),
      ),
    );
  });

  it('change state only from the expected state', async () => {
    const move = (from: 'active' | 'suspended', to: 'suspended' | 'revoked'): Promise<boolean> =>
      on.store.write((tx) => guardianships.updateGuardianshipState(tx, 'g1', from, to, 'sealed reason', NOW + 1));
    assert.deepEqual([await move('suspended', 'revoked'), await move('active', 'suspended')], [false, true]);
    const row = await on.store.read((tx) => guardianships.findGuardianship(tx, 'g1'));
    assert.deepEqual([row?.state, row?.stateReasonSealed, row?.updatedAt], ['suspended', 'sealed reason', NOW + 1]);
  });

  it('are listed after their last day', async () => {
    const ending = (day: string): Promise<string[]> =>
      on.store.read(async (tx) => (await guardianships.listGuardianshipsEndingBefore(tx, day, 10)).map(({ id }) => id));
    await on.store.write(async (tx) => {
      const last = { ...guardianship('g3', 'teacher', 'older'), validTo: '2027-01-20' };
      await guardianships.insertGuardianship(tx, last);
    });
    assert.deepEqual([await ending('2027-01-20'), await ending('2027-01-21')], [[], ['g3']]);
  });
});

eachStore('credentials', (on) => {
  withFamily(on);
  const of = (): Promise<credentials.Credential> => on.store.read((tx) => credentials.getCredential(tx, 'father'));

  it('are a first password or an own password, never both', async () => {
    assert.deepEqual(await of(), { version: 1, hasSecondFactor: false });
    const first = { kind: 'first' as const, personId: 'father', mac: 'mac', expiresAt: NOW + 10, createdAt: NOW };
    await on.store.write((tx) => credentials.upsertFirstPassword(tx, first));
    const open = { kind: 'first', mac: 'mac', expiresAt: NOW + 10, failures: 0, closedAt: null };
    assert.deepEqual(await of(), { version: 2, hasSecondFactor: false, first: open });
    await on.store.write((tx) =>
      credentials.countFirstPasswordFailure(tx, 'father', { first: 1, one_time_code: 1 }, NOW + 1),
    );
    assert.equal((await of()).first?.closedAt, NOW + 1);
    await on.store.write((tx) => credentials.upsertFirstPassword(tx, { ...first, expiresAt: NOW + 99 }));
    assert.deepEqual((await of()).first, {
      kind: 'first',
      mac: 'mac',
      expiresAt: NOW + 99,
      failures: 0,
      closedAt: null,
    });
    const link = { personId: 'father', tokenHash: 'link', expiresAt: NOW + 1, createdAt: NOW };
    await on.store.write((tx) => credentials.upsertResetLink(tx, link));
    await on.store.write((tx) => credentials.upsertPassword(tx, 'father', 'hash', NOW));
    assert.deepEqual(await of(), { version: 4, hasSecondFactor: false, hash: 'hash' });
    assert.equal(await on.store.write((tx) => credentials.consumeResetLink(tx, 'link', NOW)), undefined);
    await on.store.write((tx) => credentials.upsertFirstPassword(tx, first));
    assert.deepEqual(Object.keys(await of()), ['version', 'hasSecondFactor', 'first']);
  });

  it('are rehashed only while the password is unchanged', async () => {
    await on.store.write((tx) => credentials.upsertPassword(tx, 'father', 'old', NOW));
    assert.equal(await on.store.write((tx) => credentials.replaceHash(tx, 'father', 'other', 'new')), false);
    assert.equal(await on.store.write((tx) => credentials.replaceHash(tx, 'father', 'old', 'new')), true);
    assert.deepEqual(await of(), { version: 6, hasSecondFactor: false, hash: 'new' });
  });

  it('are replaced only while the verified version is current and the account is active', async () => {
    const exchange = (version: number): Promise<number | undefined> =>
      on.store.write((tx) =>
        credentials.replacePasswordIfUnchanged(tx, 'father', { credentialVersion: version }, 'next', NOW),
      );
    assert.equal(await exchange(5), undefined);
    assert.equal(await exchange(6), 7);
    assert.deepEqual(await of(), { version: 7, hasSecondFactor: false, hash: 'next' });
    await on.store.write((tx) => people.updatePersonStatus(tx, 'father', 'disabled', NOW));
    assert.equal(await exchange(8), undefined);
    await on.store.write((tx) => people.updatePersonStatus(tx, 'father', 'active', NOW));
    assert.deepEqual(await of(), { version: 8, hasSecondFactor: false, hash: 'next' });
    await assert.rejects(
      on.store.write((tx) => people.incrementCredentialVersion(tx, 'unknown')),
      /no such person/,
    );
  });

  it('have one reset link until it expires', async () => {
    const link = { personId: 'father', expiresAt: NOW + 10, createdAt: NOW };
    await on.store.write((tx) => credentials.upsertResetLink(tx, { ...link, tokenHash: 'one' }));
    await on.store.write((tx) => credentials.upsertResetLink(tx, { ...link, tokenHash: 'two' }));
    const find = (hash: string, now: number): Promise<{ personId: string; expiresAt: number } | undefined> =>
      on.store.read((tx) => credentials.findResetLink(tx, hash, now));
    assert.deepEqual(
      [await find('one', NOW), await find('two', NOW), await find('two', NOW + 10)],
      [undefined, { personId: 'father', verifiesEmail: null, expiresAt: NOW + 10 }, undefined],
    );
    assert.equal(await on.store.write((tx) => credentials.consumeResetLink(tx, 'two', NOW + 10)), undefined);
    assert.equal(await on.store.write((tx) => credentials.consumeResetLink(tx, 'two', NOW)), 'father');
    assert.equal(await on.store.write((tx) => credentials.consumeResetLink(tx, 'two', NOW)), undefined);
  });

  it('keep counters with their refused attempts', async () => {
    const state = { failures: 3, blockedUntil: NOW + 1, updatedAt: NOW };
    const none = { count: 0, since: null };
    const some = { count: 7, since: NOW };
    const write = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => on.store.write(work);
    const lock = (): Promise<throttles.Throttle> => write((tx) => throttles.readThrottleForUpdate(tx, 'key'));
    assert.deepEqual([await lock(), await lock()], Array(2).fill({ state: undefined, refusals: none }));
    await write((tx) => throttles.upsertThrottle(tx, 'key', state));
    assert.deepEqual(await lock(), { state, refusals: none });
    await write((tx) => throttles.updateRefusals(tx, 'key', some));
    await write((tx) => throttles.upsertThrottle(tx, 'key', { ...state, failures: 4 }));
    assert.deepEqual(await lock(), { state: { ...state, failures: 4 }, refusals: some });
    await write((tx) => throttles.touchThrottle(tx, 'key'));
    assert.equal((await lock()).state?.updatedAt, NOW + 1);
    assert.deepEqual(await write((tx) => throttles.deleteThrottle(tx, 'key')), some);
    assert.equal(await write((tx) => throttles.deleteThrottle(tx, 'key')), undefined);
    assert.equal((await lock()).state, undefined);
    await write((tx) => throttles.updateRefusals(tx, 'key', some));
    assert.deepEqual(await write((tx) => throttles.purgeThrottles(tx, NOW, 10)), [{ key: 'key', refusals: some }]);
    await write((tx) => throttles.upsertThrottle(tx, 'key', state));
    assert.deepEqual(await write((tx) => throttles.purgeThrottles(tx, NOW, 10)), [], 'touched at that time');
  });
});
