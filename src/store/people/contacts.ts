import { and, eq, gt, gte, inArray, isNull, lte, ne, or } from 'drizzle-orm';
import type { Identifier } from '../../domain/model.ts';
import { unlockedRows } from '../database/bulk-insert.ts';
import type { Transaction } from '../database/index.ts';
import type { PendingContactKind } from '../schema/self-service.ts';
import type { Tables } from '../schema/tables.ts';

export type PendingContact = Tables['pendingContacts']['$inferSelect'];

/** Stores a contact that is no login yet and replaces an earlier one of the same kind. */
export async function upsertPendingContact(tx: Transaction, contact: PendingContact): Promise<void> {
  const { pendingContacts } = tx.tables;
  const { value, tokenHash, expiresAt, createdAt } = contact;
  await tx.db
    .insert(pendingContacts)
    .values(contact)
    .onConflictDoUpdate({
      target: [pendingContacts.personId, pendingContacts.kind],
      set: { value, tokenHash, expiresAt, createdAt },
    });
}

export function listPendingContacts(tx: Transaction, personId: string): Promise<PendingContact[]> {
  const { pendingContacts } = tx.tables;
  return tx.db.select().from(pendingContacts).where(eq(pendingContacts.personId, personId));
}

/** Finds the former address of a link that has not expired. */
export async function findFormerEmail(
  tx: Transaction,
  tokenHash: string,
  now: number,
): Promise<PendingContact | undefined> {
  const { pendingContacts } = tx.tables;
  const isOpen = and(eq(pendingContacts.kind, 'former_email'), gt(pendingContacts.expiresAt, now));
  const [row] = await tx.db
    .select()
    .from(pendingContacts)
    .where(and(eq(pendingContacts.tokenHash, tokenHash), isOpen));
  return row;
}

export async function deletePendingContact(tx: Transaction, personId: string, kind: PendingContactKind): Promise<void> {
  const { pendingContacts } = tx.tables;
  await tx.db
    .delete(pendingContacts)
    .where(and(eq(pendingContacts.personId, personId), eq(pendingContacts.kind, kind)));
}

/** Deletes the contacts that a person entered at `since` (ms since 1970) or later, with their links. */
export async function deletePendingContactsSince(tx: Transaction, personId: string, since: number): Promise<void> {
  const { pendingContacts } = tx.tables;
  await tx.db
    .delete(pendingContacts)
    .where(and(eq(pendingContacts.personId, personId), gte(pendingContacts.createdAt, since)));
}

/** Marks the login of a person as verified. */
export async function verifyIdentifier(
  tx: Transaction,
  personId: string,
  login: Pick<Identifier, 'kind' | 'value'>,
  now: number,
): Promise<void> {
  const { identifiers } = tx.tables;
  await tx.db
    .update(identifiers)
    .set({ verifiedAt: now })
    .where(
      and(
        eq(identifiers.personId, personId),
        eq(identifiers.kind, login.kind),
        eq(identifiers.scope, ''),
        eq(identifiers.value, login.value),
      ),
    );
}

/** Deletes the logins of one kind, except `keep`. */
export async function deleteIdentifiers(
  tx: Transaction,
  personId: string,
  kind: Identifier['kind'],
  keep: string | undefined,
): Promise<void> {
  const { identifiers } = tx.tables;
  await tx.db
    .delete(identifiers)
    .where(
      and(
        eq(identifiers.personId, personId),
        eq(identifiers.kind, kind),
        keep === undefined ? undefined : ne(identifiers.value, keep),
      ),
    );
}

/** Sets the time of the last change of a person, which is the claim `updated_at`. */
export async function touchPerson(tx: Transaction, personId: string, now: number): Promise<void> {
  const { persons } = tx.tables;
  await tx.db.update(persons).set({ updatedAt: now }).where(eq(persons.id, personId));
}

/** Sets the language that a person chose. @returns false if the person has chosen it already */
export async function updateLocale(tx: Transaction, personId: string, locale: string, now: number): Promise<boolean> {
  const { persons } = tx.tables;
  const isOther = or(isNull(persons.locale), ne(persons.locale, locale), isNull(persons.localeChosenAt));
  const changed = await tx.db
    .update(persons)
    .set({ locale, localeChosenAt: now, updatedAt: now })
    .where(and(eq(persons.id, personId), isOther))
    .returning({ id: persons.id });
  return changed.length > 0;
}

/** Deletes addresses whose link has expired. @returns the number of deleted addresses */
export async function purgePendingContacts(tx: Transaction, now: number): Promise<number> {
  const { pendingContacts } = tx.tables;
  const expired = tx.db
    .select({ personId: pendingContacts.personId })
    .from(pendingContacts)
    .where(lte(pendingContacts.expiresAt, now))
    .orderBy(pendingContacts.personId);
  const rows = await tx.db
    .delete(pendingContacts)
    .where(and(lte(pendingContacts.expiresAt, now), inArray(pendingContacts.personId, unlockedRows(tx, expired))))
    .returning({ personId: pendingContacts.personId });
  return rows.length;
}
