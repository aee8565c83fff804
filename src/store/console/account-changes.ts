import { and, eq } from 'drizzle-orm';
import { searchableName } from '../../domain/text.ts';
import type { Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

type IdentifierRow = Tables['identifiers']['$inferSelect'];

/** Finds the login of a kind that a person had first. */
export async function findIdentifierOf(
  tx: Transaction,
  personId: string,
  kind: IdentifierRow['kind'],
): Promise<IdentifierRow | undefined> {
  const { identifiers } = tx.tables;
  const [row] = await tx.db
    .select()
    .from(identifiers)
    .where(and(eq(identifiers.personId, personId), eq(identifiers.kind, kind)))
    .orderBy(identifiers.createdAt, identifiers.id)
    .limit(1);
  return row;
}

export async function deleteIdentifier(tx: Transaction, id: string): Promise<void> {
  const { identifiers } = tx.tables;
  await tx.db.delete(identifiers).where(eq(identifiers.id, id));
}

export async function updateName(tx: Transaction, personId: string, name: string, now: number): Promise<void> {
  const { persons } = tx.tables;
  await tx.db
    .update(persons)
    .set({ name, nameSearch: searchableName(name), updatedAt: now })
    .where(eq(persons.id, personId));
}

/** Stores the keyed hash and the sealed text of a national ID; null removes it. */
export async function updateNationalId(
  tx: Transaction,
  personId: string,
  id: { lookup: string | null; sealed: string | null },
  now: number,
): Promise<void> {
  const { persons } = tx.tables;
  await tx.db
    .update(persons)
    .set({ nationalIdLookup: id.lookup, nationalIdSealed: id.sealed, updatedAt: now })
    .where(eq(persons.id, personId));
}

export async function updateBirthDate(
  tx: Transaction,
  personId: string,
  columns: { birthDateSealed: string | null; adultOnLookup: string | null },
  now: number,
): Promise<void> {
  const { persons } = tx.tables;
  await tx.db
    .update(persons)
    .set({ ...columns, updatedAt: now })
    .where(eq(persons.id, personId));
}
