import { and, eq, gt, like, lte, sql } from 'drizzle-orm';

import { ConflictError, statement, StoreError, type Param, type Unit } from '../database/index.ts';
import type { IdentifierKind, PersonStatus } from '../schema/people.ts';
import type { Tables } from '../schema/tables.ts';

export { passwordContext, type PasswordWords } from '../auth/password-context.ts';
export { identifiersOf, personFacts } from './person-facts.ts';
export type { IdentifierKind, PersonKind, PersonStatus } from '../schema/people.ts';
export type PersonRow = Tables['persons']['$inferSelect'];
export type NewPerson = Tables['persons']['$inferInsert'];
export type NewIdentifier = Tables['identifiers']['$inferInsert'];
export type NewSchoolAccount = Tables['schoolAccounts']['$inferInsert'];

interface LoginName {
  kind: IdentifierKind;
  value: string;
  scope: string;
}

/** The person behind a login name, disabled ones too. `scope` is the school code of a school account. */
export async function personIdByIdentifier(
  u: Unit,
  kind: IdentifierKind,
  value: string,
  scope = '',
): Promise<string | undefined> {
  const i = u.t.identifiers;
  const [row] = await u.db
    .select({ personId: i.personId })
    .from(i)
    .where(and(eq(i.kind, kind), eq(i.scope, scope), eq(i.value, value)));
  return row?.personId;
}

const activeByIdentifier = statement(({ db, t: { identifiers: i, persons } }, p: Param<LoginName>) =>
  db
    .select({ personId: i.personId })
    .from(i)
    .innerJoin(persons, eq(persons.id, i.personId))
    .where(and(eq(i.kind, p('kind')), eq(i.scope, p('scope')), eq(i.value, p('value')), eq(persons.status, 'active'))),
);

/** The same, but only a person who may sign in. */
export async function activePersonIdByIdentifier(
  u: Unit,
  kind: IdentifierKind,
  value: string,
  scope = '',
): Promise<string | undefined> {
  const [row] = await activeByIdentifier(u, { kind, value, scope });
  return row?.personId;
}

const byId = statement(({ db, t: { persons } }, p: Param<{ personId: string }>) =>
  db
    .select()
    .from(persons)
    .where(eq(persons.id, p('personId'))),
);

export async function personById(u: Unit, personId: string): Promise<PersonRow | undefined> {
  const [row] = await byId(u, { personId });
  return row;
}

/** What decides whether a sign-in that was verified before still opens the account. */
export type CredentialState = Pick<PersonRow, 'status' | 'credentialVersion'>;

const credentialState = statement(({ db, t: { persons } }, p: Param<{ personId: string }>) =>
  db
    .select({ status: persons.status, credentialVersion: persons.credentialVersion })
    .from(persons)
    .where(eq(persons.id, p('personId'))),
);

export async function getCredentialState(tx: Unit, personId: string): Promise<CredentialState | undefined> {
  const [row] = await credentialState(tx, { personId });
  return row;
}

const lockShared = lockStatement('for share');
const lockExclusive = lockStatement('for no key update');

/** SQLite has one writer and knows no row locks. */
function lockStatement(lock: 'for share' | 'for no key update') {
  return statement(({ db, t: { persons }, dialect }, p: Param<{ personId: string }>) =>
    db
      .select({ status: persons.status, credentialVersion: persons.credentialVersion })
      .from(persons)
      .where(sql`${eq(persons.id, p('personId'))} ${sql.raw(dialect === 'postgres' ? lock : '')}`),
  );
}

/**
 * Reads what a sign-in rests on, and keeps every change of it waiting until the transaction ends. Call it before any other statement
 * that locks a row: transactions that create or end sessions of one person lock the person first, so that they do not deadlock.
 */
export async function lockPersonShared(tx: Unit, personId: string): Promise<CredentialState | undefined> {
  const [row] = await lockShared(tx, { personId });
  return row;
}

/** The same, but of several transactions that call it for one person only one runs at a time. */
export async function lockPerson(tx: Unit, personId: string): Promise<CredentialState | undefined> {
  const [row] = await lockExclusive(tx, { personId });
  return row;
}

/**
 * Makes every sign-in in progress worthless. Sign-ins carry the version that their password was verified against, and the transaction
 * that creates a session compares it.
 *
 * @returns the new version
 * @throws {StoreError} when there is no such person
 */
export async function raiseCredentialVersion(tx: Unit, personId: string): Promise<number> {
  const p = tx.t.persons;
  const [row] = await tx.db
    .update(p)
    .set({ credentialVersion: sql`${p.credentialVersion} + 1` })
    .where(eq(p.id, personId))
    .returning({ credentialVersion: p.credentialVersion });
  if (row === undefined) throw new StoreError('credential version: no such person');
  return row.credentialVersion;
}

/**
 * The same for up to `limit` people, in the order of their ids.
 *
 * @returns where the next call continues; `undefined` at the end
 */
export async function raiseCredentialVersions(tx: Unit, afterId: string, limit: number): Promise<string | undefined> {
  const p = tx.t.persons;
  const rows = await tx.db.select({ id: p.id }).from(p).where(gt(p.id, afterId)).orderBy(p.id).limit(limit);
  const last = rows.at(-1)?.id;
  if (last === undefined) return undefined;
  await tx.db
    .update(p)
    .set({ credentialVersion: sql`${p.credentialVersion} + 1` })
    .where(and(gt(p.id, afterId), lte(p.id, last)));
  return last;
}

/** @throws {ConflictError} `nationalId` when this ID belongs to a person already */
export async function insertPerson(u: Unit, person: NewPerson): Promise<void> {
  const p = u.t.persons;
  // "Do nothing" and no row, not an error: an error would spoil the whole unit on PostgreSQL.
  const rows = await u.db
    .insert(p)
    .values(person)
    .onConflictDoNothing({ target: p.nationalIdLookup })
    .returning({ id: p.id });
  if (rows.length === 0) throw new ConflictError('nationalId');
}

/** @throws {ConflictError} `identifier` when this login name belongs to somebody, or to this person already */
export async function insertIdentifier(u: Unit, identifier: NewIdentifier): Promise<void> {
  const i = u.t.identifiers;
  const rows = await u.db
    .insert(i)
    .values(identifier)
    .onConflictDoNothing({ target: [i.kind, i.scope, i.value] })
    .returning({ id: i.id });
  if (rows.length === 0) throw new ConflictError('identifier');
}

/** Whether anybody signs in with an address that can not exist (RFC 2606): somebody invented. */
export async function hasExampleLogins(u: Unit): Promise<boolean> {
  const i = u.t.identifiers;
  const invented = and(eq(i.kind, 'email'), like(i.value, '%.example'));
  const rows = await u.db.select({ id: i.id }).from(i).where(invented).limit(1);
  return rows.length > 0;
}

export async function insertSchoolAccount(u: Unit, account: NewSchoolAccount): Promise<void> {
  await u.db.insert(u.t.schoolAccounts).values(account);
}

/** Disabling raises the credential version too. @returns false when there is no such person */
export async function setPersonStatus(tx: Unit, personId: string, status: PersonStatus, now: number): Promise<boolean> {
  const p = tx.t.persons;
  const raised = status === 'disabled' ? { credentialVersion: sql`${p.credentialVersion} + 1` } : {};
  const change = { status, updatedAt: now, ...raised };
  const rows = await tx.db.update(p).set(change).where(eq(p.id, personId)).returning({ id: p.id });
  return rows.length > 0;
}
