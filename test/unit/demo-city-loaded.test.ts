import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, it } from 'node:test';

import { eq } from 'drizzle-orm';

import type { NamedKey } from '../../demo/city/fixtures.ts';
import { demoCityState, loadDemoCity, type Loaded } from '../../demo/city/load.ts';
import { DEMO_PASSWORD, namedId } from '../../demo/city/named-people.ts';
import { seededUuid } from '../../demo/city/seeded-random.ts';
import { availableContexts } from '../../src/domain/acting/contexts.ts';
import { defaultPermissions } from '../../src/domain/acting/permissions.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { PERMISSIONS, SCHOOL_TYPES, type PersonFacts } from '../../src/domain/model.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { createPasswordHasher, type PasswordHasher } from '../../src/platform/hashing/password-hasher.ts';
import { firstPasswordMac } from '../../src/services/authentication/password-verification.ts';
import { getCredential } from '../../src/store/auth/credentials.ts';
import { findPerson, loadPersonFacts, findPersonIdByIdentifier } from '../../src/store/people/people.ts';
import { eachStore } from '../helpers/store.ts';

const TODAY = '2026-11-23';

eachStore('the loaded demo city', (on) => {
  const SEED = 'test';
  const secrets = createSecrets(randomBytes(32), systemRandom);
  let hasher: PasswordHasher;
  let loaded: Loaded;

  before(async () => {
    hasher = await createPasswordHasher({ memoryKib: 7_168, passes: 1, threads: 1, queueLimit: 10 });
    assert.equal(await demoCityState(on.store), 'absent');
    loaded = await loadDemoCity({ store: on.store, secrets, hasher, clock: systemClock, people: 300, seed: SEED });
  });
  after(async () => {
    await hasher.close();
  });

  const factsOf = async (key: NamedKey): Promise<PersonFacts> => {
    const facts = await on.store.read((tx) => loadPersonFacts(tx, namedId(SEED, key)));
    assert.ok(facts, key);
    return facts;
  };
  const seenByPortfolio = (facts: PersonFacts): string[] =>
    availableContexts(
      facts,
      { scopes: [], schoolTypes: ['senior_high', 'vocational_high'], permissions: ['portfolio:read'] },
      TODAY,
    ).map(({ role, childId }) => (childId === undefined ? role : `${role} of ${childId}`));

  it('is complete, and reported as loaded', async () => {
    assert.equal(loaded.persons, 300);
    assert.ok(loaded.rows > 1_000);
    assert.equal(await demoCityState(on.store), 'loaded');
  });

  it('seals birth dates and reasons with the id of their row', async () => {
    const rows = await on.store.read(async ({ db, tables: { persons, guardianships } }) => ({
      persons: await db.select({ id: persons.id, sealed: persons.birthDateSealed }).from(persons),
      guardianships: await db
        .select({ id: guardianships.id, sealed: guardianships.stateReasonSealed })
        .from(guardianships),
    }));
    const dates = rows.persons.flatMap(({ id, sealed }) =>
      sealed === null ? [] : [secrets.open('birth-date', id, sealed)],
    );
    assert.ok(dates.length > 200);
    for (const date of dates) assert.match(date, /^(19|20)\d\d-\d\d-\d\d$/);
    const reasons = rows.guardianships.flatMap(({ id, sealed }) =>
      sealed === null ? [] : [secrets.open('state-reason', id, sealed)],
    );
    assert.deepEqual([...new Set(reasons)], ['court_order']);
  });

  it('is refused in production', async () => {
    const options = { store: on.store, secrets, hasher, clock: systemClock, profile: 'production' } as const;
    await assert.rejects(loadDemoCity(options), /cannot be loaded in production/);
  });

  it('has G1 and G2 as parents of S1 and S2 with all permissions', async () => {
    for (const [key, label] of [
      ['G1', '王大明'],
      ['G2', '李美玲'],
    ] as const) {
      const facts = await factsOf(key);
      assert.equal(facts.name, label);
      assert.deepEqual(facts.children.map(({ name }) => name).sort(), ['王小安', '王小樂'].sort());
      for (const { guardianship } of facts.children) {
        assert.equal(guardianship.authority, 'statutory');
        assert.deepEqual(guardianship.permissions, PERMISSIONS);
      }
      assert.deepEqual(seenByPortfolio(facts), [`parent of ${namedId(SEED, 'S1')}`]);
      assert.deepEqual(facts.identifiers.map(({ kind, isVerified: verified }) => [kind, verified]).sort(), [
        ['email', true],
        ['mobile', true],
      ]);
    }
  });

  it('gives new users first passwords, and the others the demo password', async () => {
    const firsts: [NamedKey, string][] = [
      ['G1', '100201'],
      ['H1', 'Y100200108'],
      ['H3', 'Y100200304'],
      ['H4', 'Y200200404'],
      ['H5', 'Y200200600'],
      ['H6', 'Y200300203'],
    ];
    for (const [key, typed] of firsts) {
      const personId = namedId(SEED, key);
      const { first, hash } = await on.store.read((tx) => getCredential(tx, personId));
      assert.equal(hash, undefined);
      assert.equal(first?.mac, firstPasswordMac(secrets, personId, typed), key);
      assert.ok(first.expiresAt > Date.now() + 29 * 24 * 3_600_000);
    }
    for (const key of ['S1', 'G2', 'G3', 'G4', 'G5', 'T1', 'T2', 'A1', 'A2', 'B1'] as const) {
      const { hash } = await on.store.read((tx) => getCredential(tx, namedId(SEED, key)));
      assert.ok(hash !== undefined && (await hasher.verify(hash, DEMO_PASSWORD)), key);
    }
    for (const key of ['S2', 'S3', 'S4', 'S5', 'S6'] as const) {
      const { hash, first } = await on.store.read((tx) => getCredential(tx, namedId(SEED, key)));
      assert.deepEqual([hash, first], [undefined, undefined], key);
    }
  });

  it('separates school accounts by school', async () => {
    const find = (scope: string): Promise<string | undefined> =>
      on.store.read((tx) => findPersonIdByIdentifier(tx, 'school_account', 'p11330001', scope));
    assert.equal(await find('993301'), namedId(SEED, 'H1'));
    assert.equal(await find('993302'), namedId(SEED, 'H6'));
    const [account] = await on.store.read((tx) =>
      tx.db
        .select()
        .from(tx.tables.schoolAccounts)
        .where(eq(tx.tables.schoolAccounts.personId, namedId(SEED, 'H6'))),
    );
    assert.deepEqual(account, {
      personId: namedId(SEED, 'H6'),
      studentId: namedId(SEED, 'S6'),
      schoolCode: '993302',
    });
  });

  it('has T1 as teacher and parent, and T2 as homeroom teacher', async () => {
    const teacher = await factsOf('T1');
    assert.deepEqual(seenByPortfolio(teacher), ['teacher', `parent of ${namedId(SEED, 'S3')}`]);
    assert.equal(teacher.memberships[0]?.school?.code, '993302');
    const [row] = await on.store.read((tx) =>
      tx.db
        .select()
        .from(tx.tables.classes)
        .where(eq(tx.tables.classes.id, seededUuid(SEED, 'class:993301/203'))),
    );
    assert.deepEqual([row?.homeroomTeacherId, row?.classtitle, row?.grade], [namedId(SEED, 'T2'), '高二3班', 2]);
  });

  it('hides the child from G3, and the portfolio from G4', async () => {
    const father = await factsOf('G3');
    assert.deepEqual(seenByPortfolio(father), []);
    assert.equal(father.children[0]?.guardianship.state, 'suspended');
    const grandmother = await factsOf('G4');
    const [care] = grandmother.children;
    assert.equal(care?.guardianship.relation, 'caregiver');
    assert.equal(care.guardianship.validTo, '2027-01-31');
    assert.deepEqual(care.guardianship.permissions, defaultPermissions('delegated'));
    assert.deepEqual(seenByPortfolio(grandmother), []);
  });

  it('has the language of G5 and the class of her daughter', async () => {
    const mother = await factsOf('G5');
    assert.equal(mother.locale, 'en');
    const [enrollment] = mother.children[0]?.enrollments ?? [];
    assert.deepEqual(
      [enrollment?.school.name, enrollment?.classno, enrollment?.seat, enrollment?.year, enrollment?.semester],
      ['明德高中', '104', 17, 115, 1],
    );
  });

  it('gives the administrators their roles, and the bureau no school', async () => {
    const rows = await on.store.read((tx) => tx.db.select().from(tx.tables.memberships));
    const of = (key: NamedKey): unknown[] =>
      rows.filter((one) => one.personId === namedId(SEED, key)).map((one) => [one.role, one.schoolCode, one.duty]);
    assert.deepEqual(of('A1'), [['school_admin', '993301', 'it_desk']]);
    assert.deepEqual(of('A2'), [['staff', '993301', 'registrar']]);
    assert.deepEqual(of('B1'), [['bureau_admin', null, null]]);
    const bureau = await factsOf('B1');
    const contexts = availableContexts(
      bureau,
      { scopes: [], schoolTypes: SCHOOL_TYPES, permissions: PERMISSIONS },
      TODAY,
    );
    assert.deepEqual(
      contexts.map(({ role }) => role),
      ['bureau_admin'],
    );
  });

  it('stores national IDs only sealed and as a keyed hash', async () => {
    const personId = namedId(SEED, 'G1');
    const row = await on.store.read((tx) => findPerson(tx, personId));
    assert.ok(row);
    assert.equal(row.nationalIdLookup, secrets.mac('national-id-lookup', 'Y100100201'));
    assert.equal(secrets.open('national-id', personId, row.nationalIdSealed ?? ''), 'Y100100201');
  });
});
