import { and, eq } from 'drizzle-orm';

import type { Transaction } from '../database/index.ts';
import type { KeyState } from '../schema/oidc.ts';
import type { Tables } from '../schema/tables.ts';

export type { KeyPurpose, KeyState } from '../schema/oidc.ts';
/** `alg` is a JOSE name, or the empty string for keys that have none. */
export type KeyRow = Tables['keys']['$inferSelect'];
/** A stored key, with the columns that its seal is bound to. */
export type SealedKey = Pick<KeyRow, 'id' | 'purpose' | 'alg' | 'sealed'>;

/** Lists all keys, newest first. */
export async function listKeys(tx: Transaction): Promise<KeyRow[]> {
  const keys = tx.tables.keys;
  const rows = await tx.db.select().from(keys);
  return rows.sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1));
}

/**
 * Inserts a key unless its purpose and algorithm have one in this state (`current` and `next`: at most one each). Two nodes on their first
 * start both call this and then read the same key.
 *
 * @returns false when there was one
 */
export async function insertKeyIfAbsent(tx: Transaction, key: KeyRow): Promise<boolean> {
  const keys = tx.tables.keys;
  const rows = await tx.db.insert(keys).values(key).onConflictDoNothing().returning({ id: keys.id });
  return rows.length > 0;
}

/**
 * Updates the state of a key: next → current → previous. Update the `current` key before the `next` one.
 *
 * @returns false when the state is no longer `from`, because another node has updated it
 */
export async function updateKeyState(tx: Transaction, id: string, from: KeyState, to: KeyState): Promise<boolean> {
  const keys = tx.tables.keys;
  const rows = await tx.db
    .update(keys)
    .set({ state: to })
    .where(and(eq(keys.id, id), eq(keys.state, from)))
    .returning({ id: keys.id });
  return rows.length > 0;
}

/** Deletes a key that is no longer needed for verification. */
export async function deleteKey(tx: Transaction, id: string): Promise<void> {
  const keys = tx.tables.keys;
  await tx.db.delete(keys).where(eq(keys.id, id));
}
