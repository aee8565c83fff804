import { and, eq } from 'drizzle-orm';

import type { Unit } from '../database/index.ts';
import type { KeyState } from '../schema/oidc.ts';
import type { Tables } from '../schema/tables.ts';

export type { KeyPurpose, KeyState } from '../schema/oidc.ts';
/** `alg` is a JOSE name, or the empty string for keys that have none. */
export type KeyRow = Tables['keys']['$inferSelect'];
/** A stored key, with the columns that its seal is bound to. */
export type SealedKey = Pick<KeyRow, 'id' | 'purpose' | 'alg' | 'sealed'>;

/** Newest first. */
export async function allKeys(u: Unit): Promise<KeyRow[]> {
  const k = u.t.keys;
  const rows = await u.db.select().from(k);
  return rows.sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1));
}

/**
 * Adds a key unless its purpose and algorithm have one in this state already (`current` and `next`: at most one each).
 * Two nodes on their first start both call this and then both read the winner's key.
 * @returns false when there was one
 */
export async function insertIfAbsent(u: Unit, key: KeyRow): Promise<boolean> {
  const k = u.t.keys;
  const rows = await u.db.insert(k).values(key).onConflictDoNothing().returning({ id: k.id });
  return rows.length > 0;
}

/**
 * Moves a key on: next → current → previous. Move `current` away before `next` takes its place.
 * @returns false when it is not in the state `from` any more: another node was faster
 */
export async function setKeyState(u: Unit, id: string, from: KeyState, to: KeyState): Promise<boolean> {
  const k = u.t.keys;
  const rows = await u.db
    .update(k)
    .set({ state: to })
    .where(and(eq(k.id, id), eq(k.state, from)))
    .returning({ id: k.id });
  return rows.length > 0;
}

/** Removes a key that nothing verifies with any more. */
export async function deleteKey(u: Unit, id: string): Promise<void> {
  const k = u.t.keys;
  await u.db.delete(k).where(eq(k.id, id));
}
