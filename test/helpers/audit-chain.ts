import { GENESIS_HEAD, verifyEntry, type ChainedEntry, type EntryVerification } from '../../src/domain/audit-chain.ts';

/** Verifies a log from its first entry. @returns the first invalid entry, or the head of the chain */
export function verifyChain(entries: Iterable<ChainedEntry>): EntryVerification {
  let step: EntryVerification = { ok: true, head: GENESIS_HEAD };
  for (const entry of entries) {
    step = verifyEntry(step.head, entry);
    if (!step.ok) break;
  }
  return step;
}

export function triggersOff(dialect: 'sqlite' | 'postgres'): string[] {
  if (dialect === 'postgres') return ['alter table audit disable trigger user'];
  return ['update', 'delete', 'replace'].map((name) => `drop trigger audit_no_${name}`);
}

/** Returns the detail of an audit entry without the id of its request. */
export function withoutRequestId(detail: Record<string, string | number | boolean>): typeof detail {
  return Object.fromEntries(Object.entries(detail).filter(([key]) => key !== 'requestId' && key !== 'signInId'));
}
