import { GENESIS_HEAD, verifyEntry, type ChainedEntry, type EntryVerification } from '../../src/domain/audit-chain.ts';

/** Checks a log from its beginning, entry by entry: the first that does not fit, or where the chain ends. */
export function verifyChain(entries: Iterable<ChainedEntry>): EntryVerification {
  let step: EntryVerification = { ok: true, head: GENESIS_HEAD };
  for (const entry of entries) {
    step = verifyEntry(step.head, entry);
    if (!step.ok) break;
  }
  return step;
}
