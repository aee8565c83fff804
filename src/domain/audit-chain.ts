import { createHash } from 'node:crypto';

/** One line of the audit log: who did what to whom, from where, and how it ended. Ids, never names or numbers of people. */
export interface AuditEntry {
  /** 1, 2, 3 … without a gap. */
  seq: number;
  /** Milliseconds since 1970. */
  at: number;
  event: string;
  outcome: string;
  actorId: string | null;
  subjectId: string | null;
  clientId: string | null;
  address: string | null;
  detail: Readonly<Record<string, string | number | boolean>>;
}

/** An entry as it is stored: together with the hash before it and its own. */
export interface ChainedEntry extends AuditEntry {
  prevHash: string;
  hash: string;
}

/** Where a chain stands after some entry. */
export interface ChainHead {
  seq: number;
  hash: string;
}

/** The head of an empty log. */
export const GENESIS_HEAD: ChainHead = { seq: 0, hash: '0'.repeat(64) };

export type ChainProblem = 'sequence' | 'previous' | 'hash';
export type EntryVerification = { ok: true; head: ChainHead } | { ok: false; seq: number; problem: ChainProblem };

/** Sorted, because PostgreSQL's jsonb gives keys back in an order of its own. */
function sortedPairs(detail: AuditEntry['detail']): [string, string | number | boolean][] {
  return Object.entries(detail).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** An array of fixed positions and sorted pairs: one entry has one text, on every database and in every version of it. */
function canonicalJson(entry: AuditEntry): string {
  return JSON.stringify([
    entry.seq,
    entry.at,
    entry.event,
    entry.outcome,
    entry.actorId,
    entry.subjectId,
    entry.clientId,
    entry.address,
    sortedPairs(entry.detail),
  ]);
}

/**
 * The hash of an entry, in hex. It covers the hash before it, so that nothing earlier can be changed unseen.
 * Columns that are not part of `AuditEntry` do not count.
 */
export function chainHash(prevHash: string, entry: AuditEntry): string {
  return createHash('sha256')
    .update(`audit-v1\n${prevHash}\n${canonicalJson(entry)}`)
    .digest('hex');
}

/**
 * Checks one entry against the chain before it. Start with `GENESIS_HEAD` and hand each `head` to the next call. Entries cut off at
 * the end no chain shows by itself: compare the last `head` with one that was kept outside of the log.
 */
export function verifyEntry(head: ChainHead, entry: ChainedEntry): EntryVerification {
  const fail = (problem: ChainProblem): EntryVerification => ({ ok: false, seq: entry.seq, problem });
  if (entry.seq !== head.seq + 1) return fail('sequence');
  if (entry.prevHash !== head.hash) return fail('previous');
  if (entry.hash !== chainHash(head.hash, entry)) return fail('hash');
  return { ok: true, head: { seq: entry.seq, hash: entry.hash } };
}
