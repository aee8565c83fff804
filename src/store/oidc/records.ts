import { and, desc, eq, inArray, isNull, lt, sql, type SQL } from 'drizzle-orm';

import { preparedStatement, type Param, type Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

/*
 * A destroyed record stays as a tombstone without payload until it would have expired. Reads skip it and saves over it are rejected. If
 * the row were deleted, a request that had loaded a session would restore it with its save after an administrator revoked it.
 *
 * A save never changes `consumed_at`; only `consumeRecord` writes it, once. Nor does a save change `browser_hash`, so an interaction stays
 * bound to the browser that began it.
 */

type OidcRecord = Tables['oidcRecords']['$inferSelect'];
/** The columns that are read of a record. Callers know the others. */
export type FoundRecord = Pick<OidcRecord, Found>;
type Found = 'idHash' | 'payload' | 'consumedAt' | 'expiresAt' | 'grantHash' | 'browserHash';

/** Selects the columns of a `FoundRecord`. `idHash` is first, because drizzle takes a null in the first column for a missing join. */
export function foundColumns({
  idHash,
  payload,
  consumedAt,
  expiresAt,
  grantHash,
  browserHash,
}: Tables['oidcRecords']): Pick<Tables['oidcRecords'], Found> {
  return { idHash, payload, consumedAt, expiresAt, grantHash, browserHash };
}
export type NewOidcRecord = Omit<Tables['oidcRecords']['$inferInsert'], 'destroyed' | 'consumedAt'>;

const upsert = preparedStatement(({ db, tables: { oidcRecords } }, param: Param<StoredRecord>) =>
  db
    .insert(oidcRecords)
    .values(recordParams(param))
    .onConflictDoUpdate({
      target: [oidcRecords.model, oidcRecords.idHash],
      set: {
        uidHash: sql`excluded.uid_hash`,
        userCodeHash: sql`excluded.user_code_hash`,
        grantHash: sql`excluded.grant_hash`,
        accountId: sql`excluded.account_id`,
        clientId: sql`excluded.client_id`,
        payload: sql`excluded.payload`,
        expiresAt: sql`excluded.expires_at`,
      },
      setWhere: eq(oidcRecords.destroyed, false),
    })
    .returning({ idHash: oidcRecords.idHash }),
);

/** A new record with every optional column, because a prepared statement has a parameter for each. */
type StoredRecord = Required<NewOidcRecord>;

function recordParams(param: Param<StoredRecord>) {
  return {
    model: param('model'),
    idHash: param('idHash'),
    uidHash: param('uidHash'),
    userCodeHash: param('userCodeHash'),
    grantHash: param('grantHash'),
    accountId: param('accountId'),
    clientId: param('clientId'),
    browserHash: param('browserHash'),
    payload: param('payload'),
    expiresAt: param('expiresAt'),
    createdAt: param('createdAt'),
  };
}

function toStoredRecord(record: NewOidcRecord): StoredRecord {
  const { uidHash = null, userCodeHash = null, grantHash = null, accountId = null, clientId = null } = record;
  const { browserHash = null, expiresAt = null } = record;
  return { ...record, uidHash, userCodeHash, grantHash, accountId, clientId, browserHash, expiresAt };
}

/**
 * Inserts or updates a record. `createdAt` and `consumedAt` of an existing record do not change.
 *
 * @returns false when the record was destroyed; it stays destroyed
 */
export async function upsertRecord(tx: Transaction, record: NewOidcRecord): Promise<boolean> {
  return (await upsert(tx, toStoredRecord(record))).length > 0;
}

const insertNew = preparedStatement(({ db, tables: { oidcRecords } }, param: Param<StoredRecord>) =>
  db.insert(oidcRecords).values(recordParams(param)).onConflictDoNothing().returning({ idHash: oidcRecords.idHash }),
);

/**
 * Inserts a record that must not exist yet. Of any number of concurrent callers, in any number of processes, one gets true.
 *
 * @returns false when a record exists, even an expired one, until it is purged
 */
export async function insertRecordIfAbsent(tx: Transaction, record: NewOidcRecord): Promise<boolean> {
  return (await insertNew(tx, toStoredRecord(record))).length > 0;
}

const findById = preparedStatement(({ db, tables: { oidcRecords } }, param: Param<{ model: string; idHash: string }>) =>
  db
    .select(foundColumns(oidcRecords))
    .from(oidcRecords)
    .where(
      and(
        eq(oidcRecords.model, param('model')),
        eq(oidcRecords.idHash, param('idHash')),
        eq(oidcRecords.destroyed, false),
      ),
    ),
);

/** Finds a record, even if it is consumed or expired, which the provider checks. Destroyed records are not found. */
export async function findRecord(tx: Transaction, model: string, idHash: string): Promise<FoundRecord | undefined> {
  const [row] = await findById(tx, { model, idHash });
  return row;
}

/** Finds a record and locks it until the transaction ends. SQLite has one writer and no row locks. */
export async function lockRecord(tx: Transaction, model: string, idHash: string): Promise<FoundRecord | undefined> {
  const oidcRecords = tx.tables.oidcRecords;
  const found = and(eq(oidcRecords.model, model), eq(oidcRecords.idHash, idHash), eq(oidcRecords.destroyed, false));
  const lock = sql.raw(tx.dialect === 'postgres' ? 'for update' : '');
  const [row] = await tx.db
    .select(foundColumns(oidcRecords))
    .from(oidcRecords)
    .where(sql`${found} ${lock}`);
  return row;
}

const findByUid = preparedStatement(
  ({ db, tables: { oidcRecords } }, param: Param<{ model: string; uidHash: string }>) =>
    db
      .select(foundColumns(oidcRecords))
      .from(oidcRecords)
      .where(
        and(
          eq(oidcRecords.model, param('model')),
          eq(oidcRecords.uidHash, param('uidHash')),
          eq(oidcRecords.destroyed, false),
        ),
      )
      .orderBy(desc(oidcRecords.createdAt))
      .limit(1),
);

/** Finds the newest record of a uid, because a session keeps its uid when its id changes. */
export async function findRecordByUid(
  tx: Transaction,
  model: string,
  uidHash: string,
): Promise<FoundRecord | undefined> {
  const [row] = await findByUid(tx, { model, uidHash });
  return row;
}

export async function findRecordByUserCode(
  tx: Transaction,
  model: string,
  userCodeHash: string,
): Promise<FoundRecord | undefined> {
  const oidcRecords = tx.tables.oidcRecords;
  const [row] = await tx.db
    .select(foundColumns(oidcRecords))
    .from(oidcRecords)
    .where(
      and(eq(oidcRecords.model, model), eq(oidcRecords.userCodeHash, userCodeHash), eq(oidcRecords.destroyed, false)),
    )
    .orderBy(desc(oidcRecords.createdAt))
    .limit(1);
  return row;
}

/** Lists the records of several sessions with their uids, newest last. The list must fit into one statement. */
export async function listRecordsByUids(
  tx: Transaction,
  model: string,
  uidHashes: readonly string[],
): Promise<(FoundRecord & { uidHash: string | null })[]> {
  const oidcRecords = tx.tables.oidcRecords;
  if (uidHashes.length === 0) return [];
  return tx.db
    .select({ ...foundColumns(oidcRecords), uidHash: oidcRecords.uidHash })
    .from(oidcRecords)
    .where(
      and(eq(oidcRecords.model, model), inArray(oidcRecords.uidHash, [...uidHashes]), eq(oidcRecords.destroyed, false)),
    )
    .orderBy(oidcRecords.createdAt);
}

interface Consumption {
  model: string;
  idHash: string;
  now: number;
  /** Replaces the payload; null keeps it. */
  payload: string | null;
}

const consume = preparedStatement(({ db, tables: { oidcRecords } }, param: Param<Consumption>) =>
  db
    .update(oidcRecords)
    .set({
      consumedAt: sql`${param('now')}`,
      payload: sql`coalesce(${param('payload')}, ${oidcRecords.payload})`,
    })
    .where(
      and(
        eq(oidcRecords.model, param('model')),
        eq(oidcRecords.idHash, param('idHash')),
        isNull(oidcRecords.consumedAt),
        eq(oidcRecords.destroyed, false),
      ),
    )
    .returning({ idHash: oidcRecords.idHash }),
);

/**
 * Consumes a code or a refresh token. Of any number of concurrent callers, in any number of processes, one gets true.
 *
 * @param payload replaces the payload
 * @returns false when it was consumed or destroyed, or never existed; the caller rejects and revokes (RFC 9700, 2.2.2)
 */
export async function consumeRecord(
  tx: Transaction,
  model: string,
  idHash: string,
  now: number,
  payload?: string,
): Promise<boolean> {
  return (await consume(tx, { model, idHash, now, payload: payload ?? null })).length > 0;
}

const extend = preparedStatement(
  ({ db, tables: { oidcRecords } }, param: Param<{ model: string; idHash: string; expiresAt: number }>) =>
    db
      .update(oidcRecords)
      .set({ expiresAt: sql`${param('expiresAt')}` })
      .where(
        and(
          eq(oidcRecords.model, param('model')),
          eq(oidcRecords.idHash, param('idHash')),
          lt(oidcRecords.expiresAt, param('expiresAt')),
          eq(oidcRecords.destroyed, false),
        ),
      ),
);

/** Lets a record expire later. */
export async function extendRecord(tx: Transaction, model: string, idHash: string, expiresAt: number): Promise<void> {
  await extend(tx, { model, idHash, expiresAt });
}

const replace = preparedStatement(
  ({ db, tables: { oidcRecords } }, param: Param<{ model: string; idHash: string; old: string; next: string }>) =>
    db
      .update(oidcRecords)
      .set({ payload: sql`${param('next')}` })
      .where(
        and(
          eq(oidcRecords.model, param('model')),
          eq(oidcRecords.idHash, param('idHash')),
          eq(oidcRecords.payload, param('old')),
          eq(oidcRecords.destroyed, false),
        ),
      )
      .returning({ idHash: oidcRecords.idHash }),
);

/**
 * Replaces the payload of a record if it still is `old`. Of any number of concurrent callers with the same `old`, one gets true.
 *
 * @returns false when another transaction has replaced it
 */
export async function replacePayload(
  tx: Transaction,
  model: string,
  idHash: string,
  payload: { old: string; next: string },
): Promise<boolean> {
  return (await replace(tx, { model, idHash, ...payload })).length > 0;
}

const destroyById = preparedStatement(
  ({ db, tables: { oidcRecords } }, param: Param<{ model: string; idHash: string }>) =>
    db
      .update(oidcRecords)
      .set(tombstone(oidcRecords))
      .where(
        and(
          eq(oidcRecords.model, param('model')),
          eq(oidcRecords.idHash, param('idHash')),
          eq(oidcRecords.destroyed, false),
        ),
      )
      .returning({ idHash: oidcRecords.idHash }),
);

/** Destroys a record. @returns false when there was none */
export async function destroyRecord(tx: Transaction, model: string, idHash: string): Promise<boolean> {
  return (await destroyById(tx, { model, idHash })).length > 0;
}

/** Returns the columns of a destroyed record. A record without expiry gets one, so that its tombstone is purged. */
export function tombstone(oidcRecords: Tables['oidcRecords']): {
  destroyed: boolean;
  payload: string;
  expiresAt: SQL;
} {
  return {
    destroyed: true,
    payload: '',
    expiresAt: sql`coalesce(${oidcRecords.expiresAt}, ${oidcRecords.createdAt})`,
  };
}
