import { and, eq, gt, inArray, isNull, lte, type SQL } from 'drizzle-orm';

import { unlockedRows } from '../database/bulk-insert.ts';
import type { Transaction } from '../database/index.ts';

/** Lists the models that have records. It reads one index entry for each model. */
export async function listModels(tx: Transaction): Promise<string[]> {
  const { oidcRecords } = tx.tables;
  const models: string[] = [];
  for (;;) {
    const [next] = await tx.db
      .select({ model: oidcRecords.model })
      .from(oidcRecords)
      .where(gt(oidcRecords.model, models.at(-1) ?? ''))
      .orderBy(oidcRecords.model)
      .limit(1);
    if (next === undefined) return models;
    models.push(next.model);
  }
}

/** Deletes up to `limit` records and tombstones of a model that expired at `now` (ms) or before. @returns the number of deleted records */
export async function purgeExpired(tx: Transaction, model: string, now: number, limit: number): Promise<number> {
  return purgeWhere(tx, model, lte(tx.tables.oidcRecords.expiresAt, now), limit);
}

/**
 * Deletes up to `limit` sessions without a person that expired after `from` and not after `to` (ms). The index also holds the sessions of
 * people, so keep the range short.
 *
 * @returns the number of deleted records
 */
export async function purgeAnonymousSessions(
  tx: Transaction,
  from: number,
  to: number,
  limit: number,
): Promise<number> {
  const { accountId, expiresAt } = tx.tables.oidcRecords;
  return purgeWhere(tx, 'Session', and(gt(expiresAt, from), lte(expiresAt, to), isNull(accountId)), limit);
}

async function purgeWhere(tx: Transaction, model: string, expired: SQL | undefined, limit: number): Promise<number> {
  const { oidcRecords } = tx.tables;
  const isExpired = and(eq(oidcRecords.model, model), expired);
  const some = tx.db
    .select({ idHash: oidcRecords.idHash })
    .from(oidcRecords)
    .where(isExpired)
    .orderBy(oidcRecords.expiresAt)
    .limit(limit);
  const rows = await tx.db
    .delete(oidcRecords)
    // Checks the condition again, because a record that was saved in between expires later.
    .where(and(isExpired, inArray(oidcRecords.idHash, unlockedRows(tx, some))))
    .returning({ idHash: oidcRecords.idHash });
  return rows.length;
}
