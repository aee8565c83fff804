import { and, eq, exists, gt, gte, inArray, isNull, lte, sql, type SQL } from 'drizzle-orm';

import type { FirstPasswordKind } from '../../domain/credentials/first-password.ts';
import { unlockedRows } from '../database/bulk-insert.ts';
import { preparedStatement, type Param, type Transaction } from '../database/index.ts';
import { lockPerson, incrementCredentialVersion } from '../people/people.ts';
import type { Tables } from '../schema/tables.ts';

export type FirstPassword = Pick<
  Tables['firstPasswords']['$inferSelect'],
  'kind' | 'mac' | 'expiresAt' | 'failures' | 'closedAt'
>;
type NewResetLink = Tables['resetLinks']['$inferInsert'];
export type OpenResetLink = Pick<Tables['resetLinks']['$inferSelect'], 'personId' | 'verifiesEmail' | 'expiresAt'>;

/** The password or first password of an account, never both: setting one removes the other. */
export interface Credential {
  /** Credential version at the time of the read; `undefined` when there is no such person. */
  version?: number;
  /** Encoded argon2id hash (PHC string format). Any other text matches no password. */
  hash?: string;
  first?: FirstPassword;
  /** Present when there is such a person. */
  hasSecondFactor?: boolean;
}

const selectCredential = preparedStatement(
  ({ db, tables: { persons, passwords, firstPasswords, secondFactors } }, param: Param<{ personId: string }>) =>
    db
      .select({
        version: persons.credentialVersion,
        hash: passwords.hash,
        hasSecondFactor: exists(
          db.select({ id: secondFactors.id }).from(secondFactors).where(eq(secondFactors.personId, persons.id)),
        ).mapWith(Boolean),
        first: {
          kind: firstPasswords.kind,
          mac: firstPasswords.mac,
          expiresAt: firstPasswords.expiresAt,
          failures: firstPasswords.failures,
          closedAt: firstPasswords.closedAt,
        },
      })
      .from(persons)
      .leftJoin(passwords, eq(passwords.personId, persons.id))
      .leftJoin(firstPasswords, eq(firstPasswords.personId, persons.id))
      .where(eq(persons.id, param('personId'))),
);

/** Reads all of it with one query, so that the time does not reveal which of them an account has. */
export async function getCredential(tx: Transaction, personId: string): Promise<Credential> {
  const [row] = await selectCredential(tx, { personId });
  if (!row) return {};
  const { version, hash, first, hasSecondFactor } = row;
  return { version, hasSecondFactor, ...(hash === null ? {} : { hash }), ...(first === null ? {} : { first }) };
}

const selectHashNear = preparedStatement(({ db, tables: { passwords } }, param: Param<{ id: string }>) => {
  const least = (where: SQL): SQL => sql`(select min(${passwords.personId}) from ${passwords} ${where})`;
  return db
    .select({ hash: passwords.hash })
    .from(passwords)
    .where(
      eq(
        passwords.personId,
        sql`coalesce(${least(sql`where ${passwords.personId} >= ${param('id')}`)}, ${least(sql``)})`,
      ),
    );
});

/**
 * Finds the hash of the first account at or after an id, or else of the first account. A random id gives each cost as often as real
 * accounts have it.
 *
 * @returns undefined when no person has a password
 */
export async function findHashNear(tx: Transaction, id: string): Promise<string | undefined> {
  const [row] = await selectHashNear(tx, { id });
  return row?.hash;
}

/** Opens a closed first password again; its expiry stays. A closed one-time code stays closed: staff issue a new one. */
export async function reopenFirstPassword(tx: Transaction, personId: string): Promise<void> {
  const firstPasswords = tx.tables.firstPasswords;
  await tx.db
    .update(firstPasswords)
    .set({ failures: 0, closedAt: null })
    .where(and(eq(firstPasswords.personId, personId), eq(firstPasswords.kind, 'first')));
}

/** Deletes the password and the first password or code, so that only a reset link sets a new one. */
export async function deletePassword(tx: Transaction, personId: string): Promise<void> {
  const { passwords, firstPasswords } = tx.tables;
  await tx.db.delete(passwords).where(eq(passwords.personId, personId));
  await tx.db.delete(firstPasswords).where(eq(firstPasswords.personId, personId));
}

/** Deletes the reset link, and the passwords, second factors and recovery codes that an account got at `since` (ms since 1970) or later. */
export async function deleteCredentialsSince(tx: Transaction, personId: string, since: number): Promise<void> {
  const { passwords, firstPasswords, secondFactors, recoveryCodes } = tx.tables;
  await incrementCredentialVersion(tx, personId);
  await deleteResetLink(tx, personId);
  await tx.db.delete(passwords).where(and(eq(passwords.personId, personId), gte(passwords.changedAt, since)));
  for (const table of [firstPasswords, secondFactors, recoveryCodes]) {
    await tx.db.delete(table).where(and(eq(table.personId, personId), gte(table.createdAt, since)));
  }
}

/**
 * Sets the person's own password. Deletes the first password and the reset link, and invalidates every sign-in in progress.
 *
 * @returns the new credential version
 */
export async function upsertPassword(tx: Transaction, personId: string, hash: string, now: number): Promise<number> {
  const { passwords, firstPasswords, resetLinks } = tx.tables;
  const version = await incrementCredentialVersion(tx, personId);
  await tx.db
    .insert(passwords)
    .values({ personId, hash, changedAt: now })
    .onConflictDoUpdate({ target: passwords.personId, set: { hash, changedAt: now } });
  await tx.db.delete(firstPasswords).where(eq(firstPasswords.personId, personId));
  await tx.db.delete(resetLinks).where(eq(resetLinks.personId, personId));
  return version;
}

/** The credential of a comparison. Revoking all other sessions changes the version but not the hash. */
export interface VerifiedCredential {
  credentialVersion: number;
  /** The compared hash; undefined for a first password. */
  hash?: string | undefined;
}

/**
 * Sets the person's own password if the account is active and the credential is still the one that was verified. Of several concurrent
 * changes one succeeds.
 *
 * @returns the new credential version; `undefined` when the credential has changed since, without any effect
 */
export async function replacePasswordIfUnchanged(
  tx: Transaction,
  personId: string,
  verified: VerifiedCredential,
  hash: string,
  now: number,
): Promise<number | undefined> {
  const person = await lockPerson(tx, personId);
  if (person?.status !== 'active') return undefined;
  if (person.credentialVersion !== verified.credentialVersion) {
    const current = await getCredential(tx, personId);
    if (current.hash === undefined || current.hash !== verified.hash) return undefined;
  }
  return upsertPassword(tx, personId, hash, now);
}

/** Replaces a hash by a stronger one of the same password. @returns false when the password has changed since */
export async function replaceHash(
  tx: Transaction,
  personId: string,
  oldHash: string,
  newHash: string,
): Promise<boolean> {
  const passwords = tx.tables.passwords;
  const rows = await tx.db
    .update(passwords)
    .set({ hash: newHash })
    .where(and(eq(passwords.personId, personId), eq(passwords.hash, oldHash)))
    .returning({ personId: passwords.personId });
  return rows.length > 0;
}

/**
 * Sets a first password or a one-time code, at import or at a reset by the IT desk. Deletes the person's own password and reset link and invalidates
 * sign-ins in progress (docs/decisions/0006-new-password-before-session.md).
 *
 * @param first.expiresAt ms since 1970
 */
export async function upsertFirstPassword(
  tx: Transaction,
  first: { personId: string; kind: FirstPasswordKind; mac: string; expiresAt: number; createdAt: number },
): Promise<void> {
  const { passwords, firstPasswords } = tx.tables;
  const { personId, ...rest } = first;
  await incrementCredentialVersion(tx, personId);
  await tx.db
    .insert(firstPasswords)
    .values(first)
    .onConflictDoUpdate({ target: firstPasswords.personId, set: { ...rest, failures: 0, closedAt: null } });
  await tx.db.delete(passwords).where(eq(passwords.personId, personId));
  await deleteResetLink(tx, personId);
}

/**
 * Counts a failed attempt and closes the first password or one-time code at the limit of its kind. One statement does both, so parallel attempts all count.
 *
 * @returns the count and the time of closing; undefined when no first password is open at `now`
 */
export async function countFirstPasswordFailure(
  tx: Transaction,
  personId: string,
  limits: Readonly<Record<FirstPasswordKind, number>>,
  now: number,
): Promise<{ failures: number; closedAt: number | null } | undefined> {
  const firstPasswords = tx.tables.firstPasswords;
  // PostgreSQL takes parameters of a CASE expression for text.
  const limitOf = (kind: FirstPasswordKind): SQL => sql`cast(${limits[kind]} as integer)`;
  const limit = sql`case ${firstPasswords.kind} when 'one_time_code' then ${limitOf('one_time_code')} else ${limitOf('first')} end`;
  const [row] = await tx.db
    .update(firstPasswords)
    .set({
      failures: sql`${firstPasswords.failures} + 1`,
      closedAt: sql`case when ${firstPasswords.failures} + 1 >= (${limit}) then ${now} else ${firstPasswords.closedAt} end`,
    })
    .where(
      and(eq(firstPasswords.personId, personId), isNull(firstPasswords.closedAt), gt(firstPasswords.expiresAt, now)),
    )
    .returning({ failures: firstPasswords.failures, closedAt: firstPasswords.closedAt });
  return row;
}

/** Stores a reset link and replaces an earlier one of the same person. */
export async function upsertResetLink(tx: Transaction, link: NewResetLink): Promise<void> {
  const resetLinks = tx.tables.resetLinks;
  const { tokenHash, verifiesEmail = null, expiresAt, createdAt } = link;
  await tx.db
    .insert(resetLinks)
    .values(link)
    .onConflictDoUpdate({
      target: resetLinks.personId,
      set: { tokenHash, replacedHash: sql`${resetLinks.tokenHash}`, verifiesEmail, expiresAt, createdAt },
    });
}

export async function deleteResetLink(tx: Transaction, personId: string): Promise<void> {
  const resetLinks = tx.tables.resetLinks;
  await tx.db.delete(resetLinks).where(eq(resetLinks.personId, personId));
}

export async function deleteAllResetLinks(tx: Transaction): Promise<void> {
  await tx.db.delete(tx.tables.resetLinks);
}

/** Consumes a link. Of any number of concurrent callers one gets the person's id, the others undefined. */
export async function consumeResetLink(tx: Transaction, tokenHash: string, now: number): Promise<string | undefined> {
  const resetLinks = tx.tables.resetLinks;
  const [row] = await tx.db
    .delete(resetLinks)
    .where(and(eq(resetLinks.tokenHash, tokenHash), gt(resetLinks.expiresAt, now)))
    .returning({ personId: resetLinks.personId });
  return row?.personId;
}

/** Finds a link that has not expired, without consuming it. */
export async function findResetLink(
  tx: Transaction,
  tokenHash: string,
  now: number,
): Promise<OpenResetLink | undefined> {
  const { resetLinks } = tx.tables;
  const [row] = await tx.db
    .select({
      personId: resetLinks.personId,
      verifiesEmail: resetLinks.verifiesEmail,
      expiresAt: resetLinks.expiresAt,
    })
    .from(resetLinks)
    .where(and(eq(resetLinks.tokenHash, tokenHash), gt(resetLinks.expiresAt, now)));
  return row;
}

/** Returns true if a newer link, which has not expired, has replaced this one. */
export async function isResetLinkReplaced(tx: Transaction, tokenHash: string, now: number): Promise<boolean> {
  const { resetLinks } = tx.tables;
  const rows = await tx.db
    .select({ personId: resetLinks.personId })
    .from(resetLinks)
    .where(and(eq(resetLinks.replacedHash, tokenHash), gt(resetLinks.expiresAt, now)));
  return rows.length > 0;
}

/** Deletes expired links. @returns the number of deleted links */
export async function purgeResetLinks(tx: Transaction, now: number): Promise<number> {
  const resetLinks = tx.tables.resetLinks;
  const expired = tx.db
    .select({ personId: resetLinks.personId })
    .from(resetLinks)
    .where(lte(resetLinks.expiresAt, now))
    .orderBy(resetLinks.personId);
  const rows = await tx.db
    .delete(resetLinks)
    .where(inArray(resetLinks.personId, unlockedRows(tx, expired)))
    .returning({ personId: resetLinks.personId });
  return rows.length;
}
