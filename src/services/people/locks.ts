import type { Transaction } from '../../store/database/index.ts';
import { lockPerson } from '../../store/people/people.ts';

/** Locks people in the order of their ids, so that two transactions do not deadlock. */
export async function lockPeople(tx: Transaction, ids: readonly string[]): Promise<void> {
  for (const id of [...new Set(ids)].sort()) await lockPerson(tx, id);
}
