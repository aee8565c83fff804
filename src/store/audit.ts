import { and, asc, eq, gt, lte, sql } from 'drizzle-orm';

import { CHAIN_START, chainHash, type AuditEntry, type ChainedEntry, type ChainHead } from '../domain/audit-chain.ts';
import { statement, type Param, type Store, type Unit } from './database/index.ts';
import type { Tables } from './schema/tables.ts';

export type NewAuditEntry = Omit<AuditEntry, 'seq'>;

/** A keyed hash of a head: only who holds the master key can make one. */
export type HeadSeal = (head: ChainHead) => string;

/** The head as it is stored. */
export interface StoredHead extends ChainHead {
  mac: string;
}

/** Whether the head is one that the service itself once wrote. That of an empty log needs no seal. */
export function isAuthentic({ seq, hash, mac }: StoredHead, seal: HeadSeal): boolean {
  return (seq === CHAIN_START.seq && hash === CHAIN_START.hash) || mac === seal({ seq, hash });
}

/** The first entry makes the head, every other one moves it; either way it is locked. */
const takePlace = statement(({ db, t: { auditHead: head } }, p: Param<{ start: string }>) =>
  db
    .insert(head)
    .values({ id: 1, seq: 1, hash: p('start'), mac: '' })
    .onConflictDoUpdate({ target: head.id, set: { seq: sql`${head.seq} + 1` } })
    .returning({ seq: head.seq, hash: head.hash, mac: head.mac }),
);

const insertEntry = statement(({ db, t }, p: Param<Tables['audit']['$inferSelect']>) =>
  db.insert(t.audit).values({
    seq: p('seq'),
    at: p('at'),
    event: p('event'),
    outcome: p('outcome'),
    actorId: p('actorId'),
    subjectId: p('subjectId'),
    clientId: p('clientId'),
    address: p('address'),
    detail: p('detail'),
    prevHash: p('prevHash'),
    hash: p('hash'),
  }),
);

const moveHead = statement(({ db, t: { auditHead: head } }, p: Param<{ hash: string; mac: string }>) =>
  db
    .update(head)
    .set({ hash: sql`${p('hash')}`, mac: sql`${p('mac')}` })
    .where(eq(head.id, 1)),
);

/**
 * Appends to the chain. The head stays locked until the unit ends, so make this the last step of a unit: parallel ones
 * wait here for each other.
 *
 * A head that was changed by hand is never sealed again: the work goes on, and the log can no longer be verified.
 */
export async function append(u: Unit, entry: NewAuditEntry, seal: HeadSeal): Promise<ChainedEntry> {
  const [place] = await takePlace(u, { start: CHAIN_START.hash });
  if (!place) throw new Error('audit: the head gave no row');
  const full: AuditEntry = { ...storable(entry), seq: place.seq };
  const chained: ChainedEntry = { ...full, prevHash: place.hash, hash: chainHash(place.hash, full) };
  const mac = isAuthentic({ ...place, seq: place.seq - 1 }, seal) ? seal(chained) : '';
  // Neither needs the answer of the other, so the two share a way to the database and back.
  await Promise.all([
    insertEntry(u, { ...chained, detail: { ...chained.detail } }),
    moveHead(u, { hash: chained.hash, mac }),
  ]);
  return chained;
}

/**
 * The hash must be over what comes back. PostgreSQL's text takes no NUL, and neither engine keeps half of a surrogate pair:
 * a strange user agent may neither stop a sign-in nor break the chain.
 */
function storable(entry: NewAuditEntry): NewAuditEntry {
  const text = (value: string): string => value.replaceAll('\0', '\uFFFD').toWellFormed();
  const maybe = (value: string | null): string | null => (value === null ? null : text(value));
  return {
    at: entry.at,
    event: text(entry.event),
    outcome: text(entry.outcome),
    actorId: maybe(entry.actorId),
    subjectId: maybe(entry.subjectId),
    clientId: maybe(entry.clientId),
    address: maybe(entry.address),
    detail: Object.fromEntries(
      Object.entries(entry.detail).map(([key, value]) => [text(key), typeof value === 'string' ? text(value) : value]),
    ),
  };
}

/** Where the chain stands, kept apart from the rows: shows entries cut off at its end. */
export async function chainHead(u: Unit): Promise<StoredHead> {
  const head = u.t.auditHead;
  const [row] = await u.db.select({ seq: head.seq, hash: head.hash, mac: head.mac }).from(head).where(eq(head.id, 1));
  return row ?? { ...CHAIN_START, mac: '' };
}

/**
 * The last entry that was moved to an archive; the start of the chain when there is none.
 *
 * @throws {Error} when it was changed by hand
 */
export async function getAnchor(tx: Unit, seal: HeadSeal): Promise<StoredHead> {
  const anchor = tx.t.auditArchive;
  const columns = { seq: anchor.seq, hash: anchor.hash, mac: anchor.mac };
  const [row = { ...CHAIN_START, mac: '' }] = await tx.db.select(columns).from(anchor).where(eq(anchor.id, 1));
  if (isAuthentic(row, seal)) return row;
  throw new Error('audit log: the record of the last archived entry was changed by hand; entries may be missing');
}

/**
 * Records that entries up to `to` are in an archive, so that they may be deleted.
 *
 * @returns false when the anchor is not `from` any more: another node archived
 */
export async function moveAnchor(tx: Unit, from: ChainHead, to: StoredHead): Promise<boolean> {
  const anchor = tx.t.auditArchive;
  const { seq, hash, mac } = to;
  const rows =
    from.seq === CHAIN_START.seq
      ? await tx.db.insert(anchor).values({ id: 1, seq, hash, mac }).onConflictDoNothing().returning({ id: anchor.id })
      : await tx.db
          .update(anchor)
          .set({ seq, hash, mac })
          .where(and(eq(anchor.id, 1), eq(anchor.seq, from.seq)))
          .returning({ id: anchor.id });
  return rows.length > 0;
}

/** Deletes up to `limit` of the oldest entries that are not after `lastSeq`. @returns how many */
export async function deleteUpTo(tx: Unit, lastSeq: number, limit: number): Promise<number> {
  const a = tx.t.audit;
  const [oldest] = await tx.db.select({ seq: a.seq }).from(a).orderBy(asc(a.seq)).limit(1);
  if (oldest === undefined || oldest.seq > lastSeq) return 0;
  const end = Math.min(lastSeq, oldest.seq + limit - 1);
  return (await tx.db.delete(a).where(lte(a.seq, end)).returning({ seq: a.seq })).length;
}

/** Up to `limit` entries after `afterSeq`, in order. */
export async function page(u: Unit, afterSeq: number, limit: number): Promise<ChainedEntry[]> {
  const a = u.t.audit;
  return u.db.select().from(a).where(gt(a.seq, afterSeq)).orderBy(asc(a.seq)).limit(limit);
}

/** The log after an entry, in order, for verifying and exporting; holds one page in memory. */
export async function* entries(store: Store, afterSeq = 0, pageSize = 1_000): AsyncGenerator<ChainedEntry> {
  let after = afterSeq;
  for (;;) {
    const rows = await store.read((u) => page(u, after, pageSize));
    yield* rows;
    const last = rows.at(-1);
    if (!last) return;
    after = last.seq;
  }
}
