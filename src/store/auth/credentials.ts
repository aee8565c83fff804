import { and, eq, gt, inArray, isNull, lte, sql, type SQL } from 'drizzle-orm';

import { unlockedRows } from '../database/bulk-insert.ts';
import { statement, type Param, type Unit } from '../database/index.ts';
import { lockPerson, raiseCredentialVersion } from '../people/people.ts';
import type { Tables } from '../schema/tables.ts';

export type FirstPassword = Pick<
  Tables['firstPasswords']['$inferSelect'],
  'mac' | 'expiresAt' | 'failures' | 'closedAt'
>;
export type NewResetLink = Tables['resetLinks']['$inferInsert'];

/** What opens an account. There is never both: setting one removes the other. */
export interface Credential {
  /** The credential version that this was read with; `undefined` when there is no such person. */
  version?: number;
  /** Encoded argon2id hash (PHC string format); whatever else stands there opens nothing. */
  hash?: string;
  first?: FirstPassword;
}

const both = statement(({ db, t: { persons, passwords: p, firstPasswords: f } }, param: Param<{ personId: string }>) =>
  db
    .select({
      version: persons.credentialVersion,
      hash: p.hash,
      first: { mac: f.mac, expiresAt: f.expiresAt, failures: f.failures, closedAt: f.closedAt },
    })
    .from(persons)
    .leftJoin(p, eq(p.personId, persons.id))
    .leftJoin(f, eq(f.personId, persons.id))
    .where(eq(persons.id, param('personId'))),
);

/** One query for both, so that an account without a password takes no longer or shorter. */
export async function credentialOf(u: Unit, personId: string): Promise<Credential> {
  const [row] = await both(u, { personId });
  if (!row) return {};
  const { version, hash, first } = row;
  return { version, ...(hash === null ? {} : { hash }), ...(first === null ? {} : { first }) };
}

const near = statement(({ db, t: { passwords: p } }, param: Param<{ id: string }>) => {
  const least = (where: SQL): SQL => sql`(select min(${p.personId}) from ${p} ${where})`;
  return db
    .select({ hash: p.hash })
    .from(p)
    .where(eq(p.personId, sql`coalesce(${least(sql`where ${p.personId} >= ${param('id')}`)}, ${least(sql``)})`));
});

/**
 * Returns the hash of the first account at or after an id, or of the first account of all. Its cost is that of some real account, as
 * often as real accounts have it. @returns undefined when no person has a password
 */
export async function hashNear(tx: Unit, id: string): Promise<string | undefined> {
  const [row] = await near(tx, { id });
  return row?.hash;
}

/** Opens a closed first password again; its expiry stays. */
export async function reopenFirstPassword(tx: Unit, personId: string): Promise<void> {
  const f = tx.t.firstPasswords;
  await tx.db.update(f).set({ failures: 0, closedAt: null }).where(eq(f.personId, personId));
}

/**
 * Sets the person's own password. The first password, a live reset link and every sign-in in progress end with it.
 *
 * @returns the new credential version
 */
export async function setPassword(tx: Unit, personId: string, hash: string, now: number): Promise<number> {
  const { passwords: p, firstPasswords: f, resetLinks: r } = tx.t;
  const version = await raiseCredentialVersion(tx, personId);
  await tx.db
    .insert(p)
    .values({ personId, hash, changedAt: now })
    .onConflictDoUpdate({ target: p.personId, set: { hash, changedAt: now } });
  await tx.db.delete(f).where(eq(f.personId, personId));
  await tx.db.delete(r).where(eq(r.personId, personId));
  return version;
}

/**
 * Sets the person's own password, but only while the account is open and the credential is still the one that was verified. Of
 * several changes at the same time one succeeds.
 *
 * @returns the new credential version; `undefined` when the credential was changed in the meantime, and nothing is changed then
 */
export async function exchangePassword(
  tx: Unit,
  personId: string,
  verifiedVersion: number,
  hash: string,
  now: number,
): Promise<number | undefined> {
  const person = await lockPerson(tx, personId);
  if (person?.status !== 'active' || person.credentialVersion !== verifiedVersion) return undefined;
  return setPassword(tx, personId, hash, now);
}

/** Puts a stronger hash of the same password. @returns false when the password was changed in the meantime */
export async function replaceHash(u: Unit, personId: string, oldHash: string, newHash: string): Promise<boolean> {
  const p = u.t.passwords;
  const rows = await u.db
    .update(p)
    .set({ hash: newHash })
    .where(and(eq(p.personId, personId), eq(p.hash, oldHash)))
    .returning({ personId: p.personId });
  return rows.length > 0;
}

/**
 * Gives a first password, at import or at a reset by the IT desk. The person's own password, reset link and sign-ins in progress
 * end: nothing may open the account before the change (docs/decisions/0006-new-password-before-session.md).
 *
 * @param first.expiresAt ms since 1970
 */
export async function setFirstPassword(
  tx: Unit,
  first: { personId: string; mac: string; expiresAt: number; createdAt: number },
): Promise<void> {
  const { passwords: p, firstPasswords: f } = tx.t;
  const { personId, ...rest } = first;
  await raiseCredentialVersion(tx, personId);
  await tx.db
    .insert(f)
    .values(first)
    .onConflictDoUpdate({ target: f.personId, set: { ...rest, failures: 0, closedAt: null } });
  await tx.db.delete(p).where(eq(p.personId, personId));
  await deleteResetLink(tx, personId);
}

/**
 * Counts a wrong try and closes the first password at the limit, in one statement: parallel tries all count.
 * @returns the count and when it was closed, or undefined when none is open at `now`
 */
export async function countFirstPasswordFailure(
  u: Unit,
  personId: string,
  limit: number,
  now: number,
): Promise<{ failures: number; closedAt: number | null } | undefined> {
  const f = u.t.firstPasswords;
  const [row] = await u.db
    .update(f)
    .set({
      failures: sql`${f.failures} + 1`,
      closedAt: sql`case when ${f.failures} + 1 >= ${limit} then ${now} else ${f.closedAt} end`,
    })
    .where(and(eq(f.personId, personId), isNull(f.closedAt), gt(f.expiresAt, now)))
    .returning({ failures: f.failures, closedAt: f.closedAt });
  return row;
}

/** Makes a reset link; an earlier one of the same person stops working. */
export async function putResetLink(u: Unit, link: NewResetLink): Promise<void> {
  const r = u.t.resetLinks;
  const { tokenHash, expiresAt, createdAt } = link;
  await u.db
    .insert(r)
    .values(link)
    .onConflictDoUpdate({ target: r.personId, set: { tokenHash, expiresAt, createdAt } });
}

/** Ends the reset link of a person, if there is one. */
export async function deleteResetLink(tx: Unit, personId: string): Promise<void> {
  const r = tx.t.resetLinks;
  await tx.db.delete(r).where(eq(r.personId, personId));
}

export async function deleteAllResetLinks(tx: Unit): Promise<void> {
  await tx.db.delete(tx.t.resetLinks);
}

/** Uses a link up: of any number of callers one gets the person's id, the others undefined. */
export async function takeResetLink(u: Unit, tokenHash: string, now: number): Promise<string | undefined> {
  const r = u.t.resetLinks;
  const [row] = await u.db
    .delete(r)
    .where(and(eq(r.tokenHash, tokenHash), gt(r.expiresAt, now)))
    .returning({ personId: r.personId });
  return row?.personId;
}

/** Reads a link that has not expired, without using it up. */
export async function findResetLink(
  tx: Unit,
  tokenHash: string,
  now: number,
): Promise<{ personId: string; expiresAt: number } | undefined> {
  const { resetLinks } = tx.t;
  const [row] = await tx.db
    .select({ personId: resetLinks.personId, expiresAt: resetLinks.expiresAt })
    .from(resetLinks)
    .where(and(eq(resetLinks.tokenHash, tokenHash), gt(resetLinks.expiresAt, now)));
  return row;
}

/** Removes expired links. @returns how many */
export async function purgeResetLinks(u: Unit, now: number): Promise<number> {
  const r = u.t.resetLinks;
  const expired = u.db.select({ personId: r.personId }).from(r).where(lte(r.expiresAt, now)).orderBy(r.personId);
  const rows = await u.db
    .delete(r)
    .where(inArray(r.personId, unlockedRows(u, expired)))
    .returning({ personId: r.personId });
  return rows.length;
}
