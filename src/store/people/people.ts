import { and, eq, inArray, gt, isNull, like, lte, sql } from 'drizzle-orm';
import { searchableName } from '../../domain/text.ts';

import { ConflictError, preparedStatement, StoreError, type Param, type Transaction } from '../database/index.ts';
import type { IdentifierKind, PersonStatus } from '../schema/people.ts';
import type { Tables } from '../schema/tables.ts';

export { loadPasswordContext, type PasswordContextRow } from '../auth/password-context.ts';
export { listIdentifiers, loadFactsOfPeople, loadPersonFacts } from './person-facts.ts';
export type { IdentifierKind, PersonKind, PersonStatus } from '../schema/people.ts';
type PersonRow = Tables['persons']['$inferSelect'];
/** The store derives `nameSearch` from the name. */
export type NewPerson = Omit<Tables['persons']['$inferInsert'], 'nameSearch'>;
export type NewIdentifier = Tables['identifiers']['$inferInsert'];

interface LoginName {
  kind: IdentifierKind;
  value: string;
  scope: string;
}

/** Finds the person with a login name, even if disabled. `scope` is the school code of a school account. */
export async function findPersonIdByIdentifier(
  tx: Transaction,
  kind: IdentifierKind,
  value: string,
  scope = '',
): Promise<string | undefined> {
  const identifiers = tx.tables.identifiers;
  const [row] = await tx.db
    .select({ personId: identifiers.personId })
    .from(identifiers)
    .where(and(eq(identifiers.kind, kind), eq(identifiers.scope, scope), eq(identifiers.value, value)));
  return row?.personId;
}

const activeByIdentifier = preparedStatement(({ db, tables: { identifiers, persons } }, param: Param<LoginName>) =>
  db
    .select({ personId: identifiers.personId })
    .from(identifiers)
    .innerJoin(persons, eq(persons.id, identifiers.personId))
    .where(
      and(
        eq(identifiers.kind, param('kind')),
        eq(identifiers.scope, param('scope')),
        eq(identifiers.value, param('value')),
        eq(persons.status, 'active'),
      ),
    ),
);

/** Finds the person with a login name if the account is active. */
export async function findActivePersonIdByIdentifier(
  tx: Transaction,
  kind: IdentifierKind,
  value: string,
  scope = '',
): Promise<string | undefined> {
  const [row] = await activeByIdentifier(tx, { kind, value, scope });
  return row?.personId;
}

/** Lists the login names of a person, school accounts included. */
export function listLoginNames(tx: Transaction, personId: string): Promise<LoginName[]> {
  const { identifiers } = tx.tables;
  return tx.db
    .select({ kind: identifiers.kind, value: identifiers.value, scope: identifiers.scope })
    .from(identifiers)
    .where(eq(identifiers.personId, personId));
}

/** Finds the person with a national ID, even if disabled. @param lookup the keyed hash of the ID */
export async function findPersonIdByNationalId(tx: Transaction, lookup: string): Promise<string | undefined> {
  const { persons } = tx.tables;
  const [row] = await tx.db.select({ id: persons.id }).from(persons).where(eq(persons.nationalIdLookup, lookup));
  return row?.id;
}

/** Returns names by person id. People who are no longer stored have none. */
export async function listNames(tx: Transaction, ids: readonly string[]): Promise<Map<string, string>> {
  const { persons } = tx.tables;
  if (ids.length === 0) return new Map();
  const rows = await tx.db
    .select({ id: persons.id, name: persons.name })
    .from(persons)
    .where(inArray(persons.id, [...new Set(ids)]));
  return new Map(rows.map(({ id, name }) => [id, name]));
}

const byId = preparedStatement(({ db, tables: { persons } }, param: Param<{ personId: string }>) =>
  db
    .select()
    .from(persons)
    .where(eq(persons.id, param('personId'))),
);

export async function findPerson(tx: Transaction, personId: string): Promise<PersonRow | undefined> {
  const [row] = await byId(tx, { personId });
  return row;
}

/** The state that decides if an earlier verification of a password still counts. */
type CredentialState = Pick<PersonRow, 'status' | 'credentialVersion'>;

const credentialState = preparedStatement(({ db, tables: { persons } }, param: Param<{ personId: string }>) =>
  db
    .select({ status: persons.status, credentialVersion: persons.credentialVersion })
    .from(persons)
    .where(eq(persons.id, param('personId'))),
);

export async function findCredentialState(tx: Transaction, personId: string): Promise<CredentialState | undefined> {
  const [row] = await credentialState(tx, { personId });
  return row;
}

const lockShared = lockStatement('for share');
const lockExclusive = lockStatement('for no key update');

/** Creates a statement that reads and locks a person. SQLite has one writer and no row locks. */
function lockStatement(lock: 'for share' | 'for no key update') {
  return preparedStatement(({ db, tables: { persons }, dialect }, param: Param<{ personId: string }>) =>
    db
      .select({ status: persons.status, credentialVersion: persons.credentialVersion })
      .from(persons)
      .where(sql`${eq(persons.id, param('personId'))} ${sql.raw(dialect === 'postgres' ? lock : '')}`),
  );
}

/**
 * Reads the state that a sign-in depends on and locks it against changes until the transaction ends. Call it before any other statement
 * that locks a row. Transactions that create or revoke sessions of a person lock the person first, so that they do not deadlock.
 */
export async function lockPersonShared(tx: Transaction, personId: string): Promise<CredentialState | undefined> {
  const [row] = await lockShared(tx, { personId });
  return row;
}

/** Like `lockPersonShared`, with an exclusive lock: of several transactions that call it for one person, one runs at a time. */
export async function lockPerson(tx: Transaction, personId: string): Promise<CredentialState | undefined> {
  const [row] = await lockExclusive(tx, { personId });
  return row;
}

/**
 * Invalidates every sign-in in progress. A sign-in carries the version that its password was verified against, and the transaction that
 * creates the session compares it.
 *
 * @returns the new version
 * @throws {StoreError} when there is no such person
 */
export async function incrementCredentialVersion(tx: Transaction, personId: string): Promise<number> {
  const persons = tx.tables.persons;
  const [row] = await tx.db
    .update(persons)
    .set({ credentialVersion: sql`${persons.credentialVersion} + 1` })
    .where(eq(persons.id, personId))
    .returning({ credentialVersion: persons.credentialVersion });
  if (row === undefined) throw new StoreError('failed to increment the credential version: no such person');
  return row.credentialVersion;
}

/**
 * Invalidates the sign-ins in progress of up to `limit` people, in the order of their ids.
 *
 * @returns the cursor for the next call; `undefined` at the end
 */
export async function incrementCredentialVersions(
  tx: Transaction,
  afterId: string,
  limit: number,
): Promise<string | undefined> {
  const persons = tx.tables.persons;
  const rows = await tx.db
    .select({ id: persons.id })
    .from(persons)
    .where(gt(persons.id, afterId))
    .orderBy(persons.id)
    .limit(limit);
  const last = rows.at(-1)?.id;
  if (last === undefined) return undefined;
  await tx.db
    .update(persons)
    .set({ credentialVersion: sql`${persons.credentialVersion} + 1` })
    .where(and(gt(persons.id, afterId), lte(persons.id, last)));
  return last;
}

/** @throws {ConflictError} `nationalId` when another person has this national ID */
export async function insertPerson(tx: Transaction, person: NewPerson): Promise<void> {
  const persons = tx.tables.persons;
  // "Do nothing" instead of an error, because an error would end the transaction on PostgreSQL.
  const rows = await tx.db
    .insert(persons)
    .values({ ...person, nameSearch: searchableName(person.name) })
    .onConflictDoNothing({ target: persons.nationalIdLookup })
    .returning({ id: persons.id });
  if (rows.length === 0) throw new ConflictError('nationalId');
}

/** @throws {ConflictError} `identifier` when this or another person has the login name */
export async function insertIdentifier(tx: Transaction, identifier: NewIdentifier): Promise<void> {
  const identifiers = tx.tables.identifiers;
  const rows = await tx.db
    .insert(identifiers)
    .values(identifier)
    .onConflictDoNothing({ target: [identifiers.kind, identifiers.scope, identifiers.value] })
    .returning({ id: identifiers.id });
  if (rows.length === 0) throw new ConflictError('identifier');
}

/** Marks an email address of a person as verified. An address that the person no longer has stays as it is. */
export async function verifyEmail(tx: Transaction, personId: string, email: string, now: number): Promise<void> {
  const identifiers = tx.tables.identifiers;
  await tx.db
    .update(identifiers)
    .set({ verifiedAt: now })
    .where(
      and(
        eq(identifiers.personId, personId),
        eq(identifiers.kind, 'email'),
        eq(identifiers.value, email),
        isNull(identifiers.verifiedAt),
      ),
    );
}

/** Returns true if a login is an email address of the reserved domain `.example` (RFC 2606), which only demo people have. */
export async function hasExampleLogins(tx: Transaction): Promise<boolean> {
  const identifiers = tx.tables.identifiers;
  const isExample = and(eq(identifiers.kind, 'email'), like(identifiers.value, '%.example'));
  const rows = await tx.db.select({ id: identifiers.id }).from(identifiers).where(isExample).limit(1);
  return rows.length > 0;
}

/** Updates the status. Disabling also increments the credential version. @returns false when there is no such person */
export async function updatePersonStatus(
  tx: Transaction,
  personId: string,
  status: PersonStatus,
  now: number,
): Promise<boolean> {
  const persons = tx.tables.persons;
  const raised = status === 'disabled' ? { credentialVersion: sql`${persons.credentialVersion} + 1` } : {};
  const change = { status, updatedAt: now, ...raised };
  const rows = await tx.db.update(persons).set(change).where(eq(persons.id, personId)).returning({ id: persons.id });
  return rows.length > 0;
}

/**
 * Increments the version of staff actions on a person if it is still the one that a form was shown for. Call it after `lockPerson`.
 *
 * @returns false if another member of staff has acted in the meantime
 */
export async function advanceStaffVersion(tx: Transaction, personId: string, version: number): Promise<boolean> {
  const persons = tx.tables.persons;
  const rows = await tx.db
    .update(persons)
    .set({ staffVersion: version + 1 })
    .where(and(eq(persons.id, personId), eq(persons.staffVersion, version)))
    .returning({ id: persons.id });
  return rows.length > 0;
}
