import { createHash } from 'node:crypto';

/** An entry of the audit log. People appear as ids, never with names or numbers. */
export interface AuditEntry {
  /** Consecutive, starts at 1. */
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

/** A stored entry, with its own hash and the hash of the entry before it. */
export interface ChainedEntry extends AuditEntry {
  prevHash: string;
  hash: string;
}

/** The last entry of a chain. */
export interface ChainHead {
  seq: number;
  hash: string;
}

/** The head of an empty log. */
export const GENESIS_HEAD: ChainHead = { seq: 0, hash: '0'.repeat(64) };

export type ChainProblem = 'sequence' | 'previous' | 'hash';
export type EntryVerification = { ok: true; head: ChainHead } | { ok: false; seq: number; problem: ChainProblem };

/** Sorts the pairs, because PostgreSQL's jsonb does not keep the order of keys. */
function sortedPairs(detail: AuditEntry['detail']): [string, string | number | boolean][] {
  return Object.entries(detail).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Serializes an entry as an array with fixed positions and sorted pairs, so that all databases yield the same text. */
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

/** Returns the hash of an entry in hex. It covers the previous hash, so a change of any earlier entry is detected. */
export function chainHash(prevHash: string, entry: AuditEntry): string {
  return createHash('sha256')
    .update(`audit-v1\n${prevHash}\n${canonicalJson(entry)}`)
    .digest('hex');
}

/**
 * Verifies one entry against the head of the chain before it. Start with `GENESIS_HEAD` and pass each `head` to the next call. A chain
 * does not reveal that its last entries are missing: compare the last `head` with one stored outside the log.
 */
export function verifyEntry(head: ChainHead, entry: ChainedEntry): EntryVerification {
  const fail = (problem: ChainProblem): EntryVerification => ({ ok: false, seq: entry.seq, problem });
  if (entry.seq !== head.seq + 1) return fail('sequence');
  if (entry.prevHash !== head.hash) return fail('previous');
  if (entry.hash !== chainHash(head.hash, entry)) return fail('hash');
  return { ok: true, head: { seq: entry.seq, hash: entry.hash } };
}
