import { and, eq, inArray, isNull } from 'drizzle-orm';
import type { Transaction } from '../database/index.ts';

/** A person with the keyed hash of the 18th birthday. */
export interface ComingOfAge {
  id: string;
  adultOnLookup: string;
}

/** Lists up to `limit` people whose 18th birthday is one of the given days. @param lookups the keyed hashes of the days */
export function listComingOfAge(tx: Transaction, lookups: readonly string[], limit: number): Promise<ComingOfAge[]> {
  return listPeople(tx, lookups, limit, false);
}

/** As `listComingOfAge`, without the people who have got the notice. */
export function listWithoutAdultNotice(
  tx: Transaction,
  lookups: readonly string[],
  limit: number,
): Promise<ComingOfAge[]> {
  return listPeople(tx, lookups, limit, true);
}

async function listPeople(
  tx: Transaction,
  lookups: readonly string[],
  limit: number,
  isNoticeDue: boolean,
): Promise<ComingOfAge[]> {
  const { persons } = tx.tables;
  const rows = await tx.db
    .select({ id: persons.id, adultOnLookup: persons.adultOnLookup })
    .from(persons)
    .where(and(inArray(persons.adultOnLookup, [...lookups]), isNoticeDue ? isNull(persons.adultNoticeAt) : undefined))
    .orderBy(persons.adultOnLookup, persons.id)
    .limit(limit);
  return rows.flatMap(({ id, adultOnLookup }) => (adultOnLookup === null ? [] : { id, adultOnLookup }));
}

/** Records that the guardianships of an adult are suspended. @returns false if another transaction has recorded it */
export async function markAdult(tx: Transaction, { id, adultOnLookup }: ComingOfAge): Promise<boolean> {
  const { persons } = tx.tables;
  const rows = await tx.db
    .update(persons)
    .set({ adultOnLookup: null })
    .where(and(eq(persons.id, id), eq(persons.adultOnLookup, adultOnLookup)))
    .returning({ id: persons.id });
  return rows.length > 0;
}

/** Records that the notice before the 18th birthday was sent. @returns false if another transaction has recorded it */
export async function markAdultNotice(tx: Transaction, id: string, now: number): Promise<boolean> {
  const { persons } = tx.tables;
  const rows = await tx.db
    .update(persons)
    .set({ adultNoticeAt: now })
    .where(and(eq(persons.id, id), isNull(persons.adultNoticeAt)))
    .returning({ id: persons.id });
  return rows.length > 0;
}
