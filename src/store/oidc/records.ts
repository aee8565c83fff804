import { and, desc, eq, gt, inArray, isNull, lte, sql, type SQL } from 'drizzle-orm';

import { unlockedRows } from '../database/bulk-insert.ts';
import { statement, type Param, type Unit } from '../database/index.ts';
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

const put = statement(({ db, t: { oidcRecords: o } }, p: Param<StoredRecord>) =>
  db
    .insert(o)
    .values(recordParams(p))
    .onConflictDoUpdate({
      target: [o.model, o.idHash],
      set: {
        uidHash: sql`excluded.uid_hash`,
        userCodeHash: sql`excluded.user_code_hash`,
        grantHash: sql`excluded.grant_hash`,
        accountId: sql`excluded.account_id`,
        clientId: sql`excluded.client_id`,
        payload: sql`excluded.payload`,
        expiresAt: sql`excluded.expires_at`,
      },
      setWhere: eq(o.destroyed, false),
    })
    .returning({ idHash: o.idHash }),
);

/** Every column of a new record, those that may be left out too: a kept statement has a place for each. */
type StoredRecord = Required<NewOidcRecord>;

function recordParams(p: Param<StoredRecord>) {
  return {
    model: p('model'),
    idHash: p('idHash'),
    uidHash: p('uidHash'),
    userCodeHash: p('userCodeHash'),
    grantHash: p('grantHash'),
    accountId: p('accountId'),
    clientId: p('clientId'),
    browserHash: p('browserHash'),
    payload: p('payload'),
    expiresAt: p('expiresAt'),
    createdAt: p('createdAt'),
  };
}

function stored(record: NewOidcRecord): StoredRecord {
  const { uidHash = null, userCodeHash = null, grantHash = null, accountId = null, clientId = null } = record;
  const { browserHash = null, expiresAt = null } = record;
  return { ...record, uidHash, userCodeHash, grantHash, accountId, clientId, browserHash, expiresAt };
}

/**
 * Saves a record, new or again. `createdAt` and `consumedAt` of an existing one stay as they are.
 * @returns false when the record was destroyed: it stays destroyed
 */
export async function putRecord(u: Unit, record: NewOidcRecord): Promise<boolean> {
  return (await put(u, stored(record))).length > 0;
}

const putNew = statement(({ db, t: { oidcRecords: o } }, p: Param<StoredRecord>) =>
  db.insert(o).values(recordParams(p)).onConflictDoNothing().returning({ idHash: o.idHash }),
);

/**
 * Saves a record that must not be there yet. Of any number of callers, in any number of processes, one gets true.
 * @returns false when there is one, expired or not: purging makes the place free
 */
export async function putFirst(u: Unit, record: NewOidcRecord): Promise<boolean> {
  return (await putNew(u, stored(record))).length > 0;
}

const findById = statement(({ db, t: { oidcRecords: o } }, p: Param<{ model: string; idHash: string }>) =>
  db
    .select(foundColumns(o))
    .from(o)
    .where(and(eq(o.model, p('model')), eq(o.idHash, p('idHash')), eq(o.destroyed, false))),
);

/** Consumed and expired records are found, destroyed ones are not: the provider judges. */
export async function findRecord(u: Unit, model: string, idHash: string): Promise<FoundRecord | undefined> {
  const [row] = await findById(u, { model, idHash });
  return row;
}

/** The same, and no other transaction changes the record until this one ends. SQLite has one writer and knows no row locks. */
export async function lockRecord(tx: Unit, model: string, idHash: string): Promise<FoundRecord | undefined> {
  const o = tx.t.oidcRecords;
  const found = and(eq(o.model, model), eq(o.idHash, idHash), eq(o.destroyed, false));
  const lock = sql.raw(tx.dialect === 'postgres' ? 'for update' : '');
  const [row] = await tx.db
    .select(foundColumns(o))
    .from(o)
    .where(sql`${found} ${lock}`);
  return row;
}

const findByUid = statement(({ db, t: { oidcRecords: o } }, p: Param<{ model: string; uidHash: string }>) =>
  db
    .select(foundColumns(o))
    .from(o)
    .where(and(eq(o.model, p('model')), eq(o.uidHash, p('uidHash')), eq(o.destroyed, false)))
    .orderBy(desc(o.createdAt))
    .limit(1),
);

/** The newest, because a session that got a new id keeps its uid. */
export async function findRecordByUid(u: Unit, model: string, uidHash: string): Promise<FoundRecord | undefined> {
  const [row] = await findByUid(u, { model, uidHash });
  return row;
}

export async function findRecordByUserCode(
  u: Unit,
  model: string,
  userCodeHash: string,
): Promise<FoundRecord | undefined> {
  const o = u.t.oidcRecords;
  const [row] = await u.db
    .select(foundColumns(o))
    .from(o)
    .where(and(eq(o.model, model), eq(o.userCodeHash, userCodeHash), eq(o.destroyed, false)))
    .orderBy(desc(o.createdAt))
    .limit(1);
  return row;
}

const consume = statement(({ db, t: { oidcRecords: o } }, p: Param<{ model: string; idHash: string; now: number }>) =>
  db
    .update(o)
    .set({ consumedAt: sql`${p('now')}` })
    .where(and(eq(o.model, p('model')), eq(o.idHash, p('idHash')), isNull(o.consumedAt), eq(o.destroyed, false)))
    .returning({ idHash: o.idHash }),
);

/**
 * Uses a code or a refresh token up. Of any number of callers, in any number of processes, one gets true.
 * @returns false when it was consumed before, destroyed, or never existed: the caller refuses and revokes (RFC 9700, 2.2.2)
 */
export async function consumeRecord(u: Unit, model: string, idHash: string, now: number): Promise<boolean> {
  return (await consume(u, { model, idHash, now })).length > 0;
}

const replace = statement(
  ({ db, t: { oidcRecords: o } }, p: Param<{ model: string; idHash: string; old: string; next: string }>) =>
    db
      .update(o)
      .set({ payload: sql`${p('next')}` })
      .where(and(eq(o.model, p('model')), eq(o.idHash, p('idHash')), eq(o.payload, p('old')), eq(o.destroyed, false)))
      .returning({ idHash: o.idHash }),
);

/**
 * Replaces the payload of a record if it still is `old`. Of any number of callers with the same `old`, one gets true.
 * @returns false when another transaction was first
 */
export async function replacePayload(
  tx: Unit,
  model: string,
  idHash: string,
  payload: { old: string; next: string },
): Promise<boolean> {
  return (await replace(tx, { model, idHash, ...payload })).length > 0;
}

const destroyById = statement(({ db, t: { oidcRecords: o } }, p: Param<{ model: string; idHash: string }>) =>
  db
    .update(o)
    .set(tombstone(o))
    .where(and(eq(o.model, p('model')), eq(o.idHash, p('idHash')), eq(o.destroyed, false)))
    .returning({ idHash: o.idHash }),
);

/** @returns false when there was nothing to destroy */
export async function destroyRecord(u: Unit, model: string, idHash: string): Promise<boolean> {
  return (await destroyById(u, { model, idHash })).length > 0;
}

/** Deletes records of a model that nothing saves again; the list must fit into one statement, here and below. */
export async function deleteRecords(tx: Unit, model: string, idHashes: readonly string[]): Promise<void> {
  const o = tx.t.oidcRecords;
  await tx.db.delete(o).where(and(eq(o.model, model), inArray(o.idHash, [...idHashes])));
}

/** Ends every code and token of some grants. @returns how many */
export async function destroyByGrants(tx: Unit, grantHashes: readonly string[]): Promise<number> {
  return destroyWhere(tx, inArray(tx.t.oidcRecords.grantHash, [...grantHashes]));
}

/** Ends a session under every id that it had. @returns how many */
export async function destroyByUid(u: Unit, model: string, uidHash: string): Promise<number> {
  return destroyByUids(u, model, [uidHash]);
}

/** The same for some sessions. */
export async function destroyByUids(tx: Unit, model: string, uidHashes: readonly string[]): Promise<number> {
  const o = tx.t.oidcRecords;
  return destroyWhere(tx, and(eq(o.model, model), inArray(o.uidHash, [...uidHashes])));
}

/** Destroys the codes of these grants that no client has redeemed; of devices, those that were approved. */
export async function destroyCodes(tx: Unit, grantHashes: readonly string[]): Promise<void> {
  const o = tx.t.oidcRecords;
  await destroyWhere(
    tx,
    and(inArray(o.grantHash, [...grantHashes]), inArray(o.model, ['AuthorizationCode', 'DeviceCode'])),
  );
}

async function destroyWhere(u: Unit, where: SQL | undefined): Promise<number> {
  const o = u.t.oidcRecords;
  const rows = await u.db
    .update(o)
    .set(tombstone(o))
    .where(and(where, eq(o.destroyed, false)))
    .returning({ idHash: o.idHash });
  return rows.length;
}

/** Without an expiry of its own a tombstone would stay for ever. */
function tombstone(o: Tables['oidcRecords']): { destroyed: boolean; payload: string; expiresAt: SQL } {
  return { destroyed: true, payload: '', expiresAt: sql`coalesce(${o.expiresAt}, ${o.createdAt})` };
}

/** Ends the requests in which a person has signed in, or was signed in, and that wait to go on: all, or those of one client. @returns how many */
export async function destroyStepsOf(u: Unit, personId: string, clientId?: string): Promise<number> {
  const o = u.t.oidcRecords;
  const ofClient = clientId === undefined ? undefined : eq(o.clientId, clientId);
  // The letters of the partial index: a parameter could be any model.
  return destroyWhere(u, and(sql`model = 'Interaction'`, eq(o.accountId, personId), ofClient));
}

/** The records of several sessions, with the uid of each, the newest last. Keep the list below the parameters of one statement. */
export async function findRecordsByUids(
  tx: Unit,
  model: string,
  uidHashes: readonly string[],
): Promise<(FoundRecord & { uidHash: string | null })[]> {
  const o = tx.t.oidcRecords;
  if (uidHashes.length === 0) return [];
  return tx.db
    .select({ ...foundColumns(o), uidHash: o.uidHash })
    .from(o)
    .where(and(eq(o.model, model), inArray(o.uidHash, [...uidHashes]), eq(o.destroyed, false)))
    .orderBy(o.createdAt);
}

/**
 * Ends up to `limit` records of a model, in the order of their hashes.
 *
 * @returns where the next call continues; `undefined` at the end
 */
export async function destroyAfter(
  tx: Unit,
  model: string,
  afterHash: string,
  limit: number,
): Promise<string | undefined> {
  const o = tx.t.oidcRecords;
  const rows = await tx.db
    .select({ idHash: o.idHash })
    .from(o)
    .where(and(eq(o.model, model), gt(o.idHash, afterHash)))
    .orderBy(o.idHash)
    .limit(limit);
  const last = rows.at(-1)?.idHash;
  if (last === undefined) return undefined;
  await destroyWhere(tx, and(eq(o.model, model), gt(o.idHash, afterHash), lte(o.idHash, last)));
  return last;
}

/** Lists the models that have records. Reads one entry of an index for each, however many records there are. */
export async function listModels(tx: Unit): Promise<string[]> {
  const { oidcRecords } = tx.t;
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

/** Deletes up to `limit` records and tombstones of a model that expired at `now` (ms) or before. @returns how many */
export async function purgeExpired(tx: Unit, model: string, now: number, limit: number): Promise<number> {
  return purgeWhere(tx, model, lte(tx.t.oidcRecords.expiresAt, now), limit);
}

/**
 * Deletes up to `limit` sessions without a person that expired after `from` and not after `to` (ms). Those of people are between them in
 * the index, so a short range keeps it fast. @returns how many
 */
export async function purgeAnonymousSessions(tx: Unit, from: number, to: number, limit: number): Promise<number> {
  const { accountId, expiresAt } = tx.t.oidcRecords;
  return purgeWhere(tx, 'Session', and(gt(expiresAt, from), lte(expiresAt, to), isNull(accountId)), limit);
}

async function purgeWhere(tx: Unit, model: string, expired: SQL | undefined, limit: number): Promise<number> {
  const { oidcRecords } = tx.t;
  const isExpired = and(eq(oidcRecords.model, model), expired);
  const some = tx.db
    .select({ idHash: oidcRecords.idHash })
    .from(oidcRecords)
    .where(isExpired)
    .orderBy(oidcRecords.expiresAt)
    .limit(limit);
  const rows = await tx.db
    .delete(oidcRecords)
    // The condition again: a record that was saved meanwhile expires later.
    .where(and(isExpired, inArray(oidcRecords.idHash, unlockedRows(tx, some))))
    .returning({ idHash: oidcRecords.idHash });
  return rows.length;
}
