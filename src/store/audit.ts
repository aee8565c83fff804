import { and, asc, eq, gt, lte, sql } from 'drizzle-orm';

import { GENESIS_HEAD, chainHash, type AuditEntry, type ChainedEntry, type ChainHead } from '../domain/audit-chain.ts';
import { AuditChainError } from '../platform/errors.ts';
import { preparedStatement, type Param, type Store, type Transaction } from './database/index.ts';
import type { Tables } from './schema/tables.ts';

type NewAuditEntry = Omit<AuditEntry, 'seq'>;

/** Returns the keyed hash of a head. Only holders of the master key can compute it. */
export type HeadSeal = (head: ChainHead) => string;

/** The head as it is stored. */
interface StoredHead extends ChainHead {
  mac: string;
}

/** Returns true if the service wrote this head. The head of an empty log has no seal. */
export function isAuthentic({ seq, hash, mac }: StoredHead, seal: HeadSeal): boolean {
  return (seq === GENESIS_HEAD.seq && hash === GENESIS_HEAD.hash) || mac === seal({ seq, hash });
}

/** Inserts the head at the first entry and advances it at every other one. Both lock its row. */
const reserveSequence = preparedStatement(({ db, tables: { auditHead: head } }, param: Param<{ start: string }>) =>
  db
    .insert(head)
    .values({ id: 1, seq: 1, hash: param('start'), mac: '' })
    .onConflictDoUpdate({ target: head.id, set: { seq: sql`${head.seq} + 1` } })
    .returning({ seq: head.seq, hash: head.hash, mac: head.mac }),
);

const insertEntry = preparedStatement(({ db, tables }, param: Param<Tables['audit']['$inferSelect']>) =>
  db.insert(tables.audit).values({
    seq: param('seq'),
    at: param('at'),
    event: param('event'),
    outcome: param('outcome'),
    actorId: param('actorId'),
    subjectId: param('subjectId'),
    clientId: param('clientId'),
    address: param('address'),
    detail: param('detail'),
    prevHash: param('prevHash'),
    hash: param('hash'),
  }),
);

const updateHead = preparedStatement(
  ({ db, tables: { auditHead: head } }, param: Param<{ hash: string; mac: string }>) =>
    db
      .update(head)
      .set({ hash: sql`${param('hash')}`, mac: sql`${param('mac')}` })
      .where(eq(head.id, 1)),
);

/**
 * Appends an entry to the chain. The head stays locked until the transaction ends, and parallel transactions wait for it. So append as
 * the last step of a transaction.
 *
 * A head that was changed by hand is never sealed again: appending continues, and verification fails from then on.
 */
export async function appendEntry(tx: Transaction, entry: NewAuditEntry, seal: HeadSeal): Promise<ChainedEntry> {
  const [reserved] = await reserveSequence(tx, { start: GENESIS_HEAD.hash });
  if (!reserved) throw new Error('audit: the upsert of the head returned no row');
  const full: AuditEntry = { ...toStorable(entry), seq: reserved.seq };
  const chained: ChainedEntry = { ...full, prevHash: reserved.hash, hash: chainHash(reserved.hash, full) };
  const mac = isAuthentic({ ...reserved, seq: reserved.seq - 1 }, seal) ? seal(chained) : '';
  // The statements are independent, so they share one round trip.
  await Promise.all([
    insertEntry(tx, { ...chained, detail: { ...chained.detail } }),
    updateHead(tx, { hash: chained.hash, mac }),
  ]);
  return chained;
}

/**
 * Replaces characters that the databases do not store: PostgreSQL rejects NUL, and neither engine keeps half of a surrogate pair. The
 * hash covers the stored text, so such a user agent neither stops a sign-in nor breaks the chain.
 */
function toStorable(entry: NewAuditEntry): NewAuditEntry {
  const text = (value: string): string => value.replaceAll('\0', '\uFFFD').toWellFormed();
  const nullable = (value: string | null): string | null => (value === null ? null : text(value));
  return {
    at: entry.at,
    event: text(entry.event),
    outcome: text(entry.outcome),
    actorId: nullable(entry.actorId),
    subjectId: nullable(entry.subjectId),
    clientId: nullable(entry.clientId),
    address: nullable(entry.address),
    detail: Object.fromEntries(
      Object.entries(entry.detail).map(([key, value]) => [text(key), typeof value === 'string' ? text(value) : value]),
    ),
  };
}

/** Returns the head of the chain. It is stored apart from the entries, so it reveals entries that were cut off at the end. */
export async function getHead(tx: Transaction): Promise<StoredHead> {
  const head = tx.tables.auditHead;
  const [row] = await tx.db.select({ seq: head.seq, hash: head.hash, mac: head.mac }).from(head).where(eq(head.id, 1));
  return row ?? { ...GENESIS_HEAD, mac: '' };
}

/**
 * Returns the last entry that was moved to an archive, or the start of the chain.
 *
 * @throws {AuditChainError} when it was changed by hand
 */
export async function getAnchor(tx: Transaction, seal: HeadSeal): Promise<StoredHead> {
  const anchor = tx.tables.auditArchive;
  const columns = { seq: anchor.seq, hash: anchor.hash, mac: anchor.mac };
  const [row = { ...GENESIS_HEAD, mac: '' }] = await tx.db.select(columns).from(anchor).where(eq(anchor.id, 1));
  if (isAuthentic(row, seal)) return row;
  throw new AuditChainError(
    'audit log: the record of the last archived entry was changed by hand; entries may be missing',
  );
}

/**
 * Records that entries up to `to` are in an archive, so that they may be deleted.
 *
 * @returns false when the anchor is no longer `from`, because another node archived
 */
export async function updateAnchor(tx: Transaction, from: ChainHead, to: StoredHead): Promise<boolean> {
  const anchor = tx.tables.auditArchive;
  const { seq, hash, mac } = to;
  const rows =
    from.seq === GENESIS_HEAD.seq
      ? await tx.db.insert(anchor).values({ id: 1, seq, hash, mac }).onConflictDoNothing().returning({ id: anchor.id })
      : await tx.db
          .update(anchor)
          .set({ seq, hash, mac })
          .where(and(eq(anchor.id, 1), eq(anchor.seq, from.seq)))
          .returning({ id: anchor.id });
  return rows.length > 0;
}

/** Deletes up to `limit` of the oldest entries up to `lastSeq`. @returns the number of deleted entries */
export async function deleteEntriesUpTo(tx: Transaction, lastSeq: number, limit: number): Promise<number> {
  const audit = tx.tables.audit;
  const [oldest] = await tx.db.select({ seq: audit.seq }).from(audit).orderBy(asc(audit.seq)).limit(1);
  if (oldest === undefined || oldest.seq > lastSeq) return 0;
  const end = Math.min(lastSeq, oldest.seq + limit - 1);
  return (await tx.db.delete(audit).where(lte(audit.seq, end)).returning({ seq: audit.seq })).length;
}

/** Lists up to `limit` entries after `afterSeq`, in order. */
export async function listEntries(tx: Transaction, afterSeq: number, limit: number): Promise<ChainedEntry[]> {
  const audit = tx.tables.audit;
  return tx.db.select().from(audit).where(gt(audit.seq, afterSeq)).orderBy(asc(audit.seq)).limit(limit);
}

/** Reads the log after an entry, in order, with one page in memory. */
export async function* readEntries(store: Store, afterSeq = 0, pageSize = 1_000): AsyncGenerator<ChainedEntry> {
  let after = afterSeq;
  for (;;) {
    const rows = await store.read((tx) => listEntries(tx, after, pageSize));
    yield* rows;
    const last = rows.at(-1);
    if (!last) return;
    after = last.seq;
  }
}
