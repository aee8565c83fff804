import { and, desc, eq, inArray, isNull, sql, type SQL } from 'drizzle-orm';

import { preparedStatement, type Param, type Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

/*
 * Saving and ending meet: a request loads a session, an administrator ends it, the request saves what it loaded. Were the
 * row just deleted, the save would bring it back to life. So an ended record stays as a tombstone without payload until it
 * would have expired, nothing finds it, and a save over it is refused. For the same reason a save never touches
 * `consumed_at`: only `consumeRecord` writes it, once. Nor does it touch `browser_hash`: an interaction stays bound to the browser that
 * began it.
 */

type OidcRecord = Tables['oidcRecords']['$inferSelect'];
/** What is read of a record: whoever asks knows the rest already. */
export type FoundRecord = Pick<OidcRecord, Found>;
type Found = 'idHash' | 'payload' | 'consumedAt' | 'grantHash' | 'browserHash';

/** The columns of a `FoundRecord`; `idHash` is the first, because drizzle asks the first column whether anything was joined. */
export function foundColumns({
  idHash,
  payload,
  consumedAt,
  grantHash,
  browserHash,
}: Tables['oidcRecords']): Pick<Tables['oidcRecords'], Found> {
  return { idHash, payload, consumedAt, grantHash, browserHash };
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

/** Every column of a new record, those that may be left out too: a kept statement has a place for each. */
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
 * Saves a record, new or again. `createdAt` and `consumedAt` of an existing one stay as they are.
 * @returns false when the record was destroyed: it stays destroyed
 */
export async function upsertRecord(tx: Transaction, record: NewOidcRecord): Promise<boolean> {
  return (await upsert(tx, toStoredRecord(record))).length > 0;
}

const insertNew = preparedStatement(({ db, tables: { oidcRecords } }, param: Param<StoredRecord>) =>
  db.insert(oidcRecords).values(recordParams(param)).onConflictDoNothing().returning({ idHash: oidcRecords.idHash }),
);

/**
 * Saves a record that must not be there yet. Of any number of callers, in any number of processes, one gets true.
 * @returns false when there is one, expired or not: purging makes the place free
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

/** Consumed and expired records are found, destroyed ones are not: the provider judges. */
export async function findRecord(tx: Transaction, model: string, idHash: string): Promise<FoundRecord | undefined> {
  const [row] = await findById(tx, { model, idHash });
  return row;
}

/** The same, and no other transaction changes the record until this one ends. SQLite has one writer and knows no row locks. */
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

/** The newest, because a session that got a new id keeps its uid. */
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

/** The records of several sessions, with the uid of each, the newest last. Keep the list below the parameters of one statement. */
export async function findRecordsByUids(
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

const consume = preparedStatement(
  ({ db, tables: { oidcRecords } }, param: Param<{ model: string; idHash: string; now: number }>) =>
    db
      .update(oidcRecords)
      .set({ consumedAt: sql`${param('now')}` })
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
 * Uses a code or a refresh token up. Of any number of callers, in any number of processes, one gets true.
 * @returns false when it was consumed before, destroyed, or never existed: the caller refuses and revokes (RFC 9700, 2.2.2)
 */
export async function consumeRecord(tx: Transaction, model: string, idHash: string, now: number): Promise<boolean> {
  return (await consume(tx, { model, idHash, now })).length > 0;
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
 * Replaces the payload of a record if it still is `old`. Of any number of callers with the same `old`, one gets true.
 * @returns false when another transaction was first
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

/** @returns false when there was nothing to destroy */
export async function destroyRecord(tx: Transaction, model: string, idHash: string): Promise<boolean> {
  return (await destroyById(tx, { model, idHash })).length > 0;
}

/** Without an expiry of its own a tombstone would stay for ever. */
export function tombstone(oidcRecords: Tables['oidcRecords']): { destroyed: boolean; payload: string; expiresAt: SQL } {
  return { destroyed: true, payload: '', expiresAt: sql`coalesce(${oidcRecords.expiresAt}, ${oidcRecords.createdAt})` };
}
