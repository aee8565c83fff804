import { localDate, type Clock } from '../../src/domain/clock.ts';
import { DAY_MS } from '../../src/domain/duration.ts';
import { searchableName } from '../../src/domain/text.ts';
import type { Secrets } from '../../src/platform/crypto/secrets.ts';
import type { PasswordHasher } from '../../src/platform/hashing/password-hasher.ts';
import { firstPasswordMac } from '../../src/services/authentication/password-verification.ts';
import { birthDateColumns } from '../../src/services/people/adult-days.ts';
import { insertMany } from '../../src/store/database/bulk-insert.ts';
import type { Store, Transaction } from '../../src/store/database/index.ts';
import { findPersonIdByIdentifier } from '../../src/store/people/people.ts';
import { countDemoSchools } from '../../src/store/people/schools.ts';
import { DEFAULT_PEOPLE, generateCity } from './generator.ts';
import { TERM, type CityBatch, type CityPerson } from './model.ts';
import { BUREAU_ACCOUNT, DEMO_PASSWORD } from './named-people.ts';
import { contactsFor } from './schools.ts';
import { DEFAULT_SEED, seededUuid } from './seeded-random.ts';

/** Lifetime of a first password in the demo, in milliseconds: 30 days, the default of the service. */
const FIRST_PASSWORD_MS = 30 * DAY_MS;

export interface LoadOptions {
  store: Store;
  secrets: Secrets;
  hasher: PasswordHasher;
  clock: Clock;
  /** The configured profile. Only development may load a city. */
  profile?: 'production' | 'development' | 'conformance';
  /** Number of people in the city. The named people always exist. */
  people?: number;
  seed?: string;
  /** Stops between two batches, and leaves an incomplete city. */
  signal?: AbortSignal;
}

export interface Loaded {
  /** Number of persons, without school accounts. */
  persons: number;
  /** Number of rows in all tables. */
  rows: number;
}

/** Returns whether the demo city is missing, complete, or incomplete because loading was interrupted. */
export async function demoCityState(store: Store): Promise<'absent' | 'partial' | 'loaded'> {
  return store.read(async (tx) => {
    if ((await findPersonIdByIdentifier(tx, 'account', BUREAU_ACCOUNT)) !== undefined) return 'loaded';
    return (await countDemoSchools(tx)) > 0 ? 'partial' : 'absent';
  });
}

/**
 * Loads the demo city into an empty, migrated database, with one transaction for each batch. The caller checks
 * `demoCityState` first. Ids and facts depend on the seed, timestamps on the clock.
 *
 * @throws {Error} in other profiles than development: the IDs, codes and mail addresses of the demo are invented
 * @throws the reason of the signal
 */
export async function loadDemoCity(options: LoadOptions): Promise<Loaded> {
  const { store, secrets, hasher, clock, profile, people = DEFAULT_PEOPLE, seed = DEFAULT_SEED, signal } = options;
  if (profile === 'production') throw new Error('the demo city cannot be loaded in production');
  if (profile === 'conformance') throw new Error('the demo city cannot be loaded in the conformance profile');
  // All people share one password and one hash: hashing a million passwords would take hours.
  const context: RowContext = { secrets, seed, now: clock.now(), hash: await hasher.hash(DEMO_PASSWORD) };
  const loaded = { persons: 0, rows: 0 };
  for (const batch of generateCity({ seed, people })) {
    signal?.throwIfAborted();
    const rows = rowsOf(batch, context);
    await store.write((tx) => insertRows(tx, rows));
    loaded.persons += batch.persons.filter(({ kind }) => kind === 'person').length;
    loaded.rows += Object.values(rows).reduce((total, list) => total + list.length, 0);
  }
  return loaded;
}

interface RowContext {
  secrets: Secrets;
  seed: string;
  now: number;
  /** Hash of the demo password, for people who have signed in before. */
  hash: string;
}

type Rows = ReturnType<typeof rowsOf>;

/** Inserts the rows in the order that the foreign keys need. */
async function insertRows(tx: Transaction, rows: Rows): Promise<void> {
  const { tables } = tx;
  await insertMany(tx, tables.persons, rows.persons);
  await insertMany(tx, tables.identifiers, rows.identifiers);
  await insertMany(tx, tables.passwords, rows.passwords);
  await insertMany(tx, tables.firstPasswords, rows.firstPasswords);
  await insertMany(tx, tables.schools, rows.schools);
  await insertMany(tx, tables.schoolContacts, rows.schoolContacts);
  await insertMany(tx, tables.classes, rows.classes);
  await insertMany(tx, tables.enrollments, rows.enrollments);
  await insertMany(tx, tables.memberships, rows.memberships);
  await insertMany(tx, tables.guardianships, rows.guardianships);
  await insertMany(tx, tables.schoolAccounts, rows.schoolAccounts);
}

const OPEN = { validFrom: null, validTo: null };

function rowsOf(batch: CityBatch, context: RowContext) {
  const { now, hash, secrets } = context;
  const term = { year: TERM.year, semester: TERM.semester };
  return {
    schools: batch.schools,
    schoolContacts: batch.schools.flatMap((school) =>
      contactsFor(school).map((contact) => ({ schoolCode: school.code, ...contact })),
    ),
    persons: batch.persons.map((person) => personRow(person, context)),
    identifiers: batch.persons.flatMap((person) => identifierRows(person, context)),
    passwords: batch.persons
      .filter(({ credential }) => credential.kind === 'own')
      .map(({ id: personId }) => ({ personId, hash, changedAt: now })),
    firstPasswords: batch.persons.flatMap((person) => firstPasswordRows(person, context)),
    classes: batch.classes.map((one) => ({ ...one, ...term, homeroomTeacherId: one.homeroomTeacherId ?? null })),
    enrollments: batch.enrollments.map((one) => ({ ...one, ...OPEN })),
    memberships: batch.memberships.map(({ schoolCode, duty, ...one }) => ({
      ...one,
      ...OPEN,
      schoolCode: schoolCode ?? null,
      duty: duty ?? null,
      isPrimary: true,
    })),
    guardianships: batch.guardianships.map(({ stateReason, validTo, ...one }) => ({
      ...one,
      stateReasonSealed: stateReason === undefined ? null : secrets.seal('state-reason', one.id, stateReason),
      validFrom: null,
      validTo: validTo ?? null,
      createdAt: now,
      updatedAt: now,
    })),
    schoolAccounts: batch.schoolAccounts,
  };
}

const NO_BIRTH_DATE = { birthDateSealed: null, adultOnLookup: null };

function personRow({ id, kind, name, locale, nationalId, birthDate }: CityPerson, { secrets, now }: RowContext) {
  return {
    ...{ id, kind, name, nameSearch: searchableName(name), locale, status: 'active' as const },
    ...(birthDate === undefined ? NO_BIRTH_DATE : birthDateColumns(secrets, id, birthDate, localDate(now))),
    nationalIdLookup: nationalId === undefined ? null : secrets.mac('national-id-lookup', nationalId),
    nationalIdSealed: nationalId === undefined ? null : secrets.seal('national-id', id, nationalId),
    ...{ createdAt: now, updatedAt: now },
  };
}

/** Creates verified identifiers: the binding verified the mail address, and the school issued the accounts. */
function identifierRows({ id: personId, logins }: CityPerson, { seed, now }: RowContext) {
  return logins.map(({ kind, value, scope }) => ({
    id: seededUuid(seed, `identifier:${kind}:${scope}:${value}`),
    ...{ personId, kind, value, scope, verifiedAt: now, createdAt: now },
  }));
}

function firstPasswordRows({ id: personId, credential }: CityPerson, { secrets, now }: RowContext) {
  if (credential.kind !== 'first') return [];
  const mac = firstPasswordMac(secrets, personId, credential.password);
  return [{ personId, mac, expiresAt: now + FIRST_PASSWORD_MS, failures: 0, closedAt: null, createdAt: now }];
}
