import { CHAIN_START, verifyStep, type ChainedEntry, type ChainStep } from '../../src/domain/audit-chain.ts';

/** Checks a log from its beginning, entry by entry: the first that does not fit, or where the chain ends. */
export function walkChain(entries: Iterable<ChainedEntry>): ChainStep {
  let step: ChainStep = { ok: true, head: CHAIN_START };
  for (const entry of entries) {
    step = verifyStep(step.head, entry);
    if (!step.ok) break;
  }
  return step;
}
