import { and, desc, eq, inArray, isNull, lte, sql, type SQL } from 'drizzle-orm';

import type { Unit } from './database/index.ts';
import type { Tables } from './schema/define.ts';

/*
 * Saving and ending meet: a request loads a session, an administrator ends it, the request saves what it loaded. Were the
 * row just deleted, the save would bring it back to life. So an ended record stays as a tombstone without payload until it
 * would have expired, nothing finds it, and a save over it is refused. For the same reason a save never touches
 * `consumed_at`: only `consumeRecord` writes it, once.
 */

export type OidcRecord = Omit<Tables['oidcRecords']['$inferSelect'], 'destroyed'>;
export type NewOidcRecord = Omit<Tables['oidcRecords']['$inferInsert'], 'destroyed' | 'consumedAt'>;

/**
 * Saves a record, new or again. `createdAt` and `consumedAt` of an existing one stay as they are.
 * @returns false when the record was destroyed: it stays destroyed
 */
export async function putRecord(u: Unit, record: NewOidcRecord): Promise<boolean> {
  const o = u.t.oidcRecords;
  const { uidHash, userCodeHash, grantHash, accountId, clientId, payload, expiresAt } = record;
  const body = {
    uidHash: uidHash ?? null,
    userCodeHash: userCodeHash ?? null,
    grantHash: grantHash ?? null,
    accountId: accountId ?? null,
    clientId: clientId ?? null,
    payload,
    expiresAt: expiresAt ?? null,
  };
  const rows = await u.db
    .insert(o)
    .values({ model: record.model, idHash: record.idHash, createdAt: record.createdAt, ...body })
    .onConflictDoUpdate({ target: [o.model, o.idHash], set: body, setWhere: eq(o.destroyed, false) })
    .returning({ idHash: o.idHash });
  return rows.length > 0;
}

/**
 * Saves a record that must not be there yet. Of any number of callers, in any number of processes, one gets true.
 * @returns false when there is one, expired or not: purging makes the place free
 */
export async function putFirst(u: Unit, record: NewOidcRecord): Promise<boolean> {
  const o = u.t.oidcRecords;
  const rows = await u.db.insert(o).values(record).onConflictDoNothing().returning({ idHash: o.idHash });
  return rows.length > 0;
}

/** Consumed and expired records are found, destroyed ones are not: the provider judges. */
export async function findRecord(u: Unit, model: string, idHash: string): Promise<OidcRecord | undefined> {
  const o = u.t.oidcRecords;
  return findOne(u, and(eq(o.model, model), eq(o.idHash, idHash)));
}

/** The newest, because a session that got a new id keeps its uid. */
export async function findRecordByUid(u: Unit, model: string, uidHash: string): Promise<OidcRecord | undefined> {
  const o = u.t.oidcRecords;
  return findOne(u, and(eq(o.model, model), eq(o.uidHash, uidHash)));
}

export async function findRecordByUserCode(
  u: Unit,
  model: string,
  userCodeHash: string,
): Promise<OidcRecord | undefined> {
  const o = u.t.oidcRecords;
  return findOne(u, and(eq(o.model, model), eq(o.userCodeHash, userCodeHash)));
}

async function findOne(u: Unit, where: SQL | undefined): Promise<OidcRecord | undefined> {
  const o = u.t.oidcRecords;
  const [row] = await u.db
    .select()
    .from(o)
    .where(and(where, eq(o.destroyed, false)))
    .orderBy(desc(o.createdAt))
    .limit(1);
  return row;
}

/**
 * Uses a code or a refresh token up. Of any number of callers, in any number of processes, one gets true.
 * @returns false when it was consumed before, destroyed, or never existed: the caller refuses and revokes (RFC 9700, 2.2.2)
 */
export async function consumeRecord(u: Unit, model: string, idHash: string, now: number): Promise<boolean> {
  const o = u.t.oidcRecords;
  const rows = await u.db
    .update(o)
    .set({ consumedAt: now })
    .where(and(eq(o.model, model), eq(o.idHash, idHash), isNull(o.consumedAt), eq(o.destroyed, false)))
    .returning({ idHash: o.idHash });
  return rows.length > 0;
}

/** @returns false when there was nothing to destroy */
export async function destroyRecord(u: Unit, model: string, idHash: string): Promise<boolean> {
  const o = u.t.oidcRecords;
  return (await destroyWhere(u, and(eq(o.model, model), eq(o.idHash, idHash)))) > 0;
}

/** Ends every code and token of a grant. @returns how many */
export async function destroyByGrant(u: Unit, grantHash: string): Promise<number> {
  return destroyWhere(u, eq(u.t.oidcRecords.grantHash, grantHash));
}

/** Ends a session under every id that it had. @returns how many */
export async function destroyByUid(u: Unit, model: string, uidHash: string): Promise<number> {
  const o = u.t.oidcRecords;
  return destroyWhere(u, and(eq(o.model, model), eq(o.uidHash, uidHash)));
}

async function destroyWhere(u: Unit, where: SQL | undefined): Promise<number> {
  const o = u.t.oidcRecords;
  const rows = await u.db
    .update(o)
    // Without an expiry of its own a tombstone would stay for ever.
    .set({ destroyed: true, payload: '', expiresAt: sql`coalesce(${o.expiresAt}, ${o.createdAt})` })
    .where(and(where, eq(o.destroyed, false)))
    .returning({ idHash: o.idHash });
  return rows.length;
}

/** Ends the requests in which a person has signed in, or was signed in, and that wait to go on. @returns how many */
export async function destroyStepsOf(u: Unit, personId: string): Promise<number> {
  const o = u.t.oidcRecords;
  return destroyWhere(u, and(eq(o.model, 'Interaction'), eq(o.accountId, personId)));
}

/** Removes up to `limit` records and tombstones that expired at `now` (ms) or before. @returns how many */
export async function purgeExpired(u: Unit, now: number, limit: number): Promise<number> {
  const o = u.t.oidcRecords;
  const expired = await u.db
    .select({ model: o.model, idHash: o.idHash })
    .from(o)
    .where(lte(o.expiresAt, now))
    .limit(limit);
  let purged = 0;
  for (const [model, rows] of Map.groupBy(expired, (row) => row.model)) {
    const ids = rows.map(({ idHash }) => idHash);
    for (let i = 0; i < ids.length; i += 1_000) {
      const part = and(eq(o.model, model), inArray(o.idHash, ids.slice(i, i + 1_000)), lte(o.expiresAt, now));
      purged += (await u.db.delete(o).where(part).returning({ idHash: o.idHash })).length;
    }
  }
  return purged;
}
