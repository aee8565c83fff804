import { setTimeout as sleep } from 'node:timers/promises';
import type { ChainHead } from '../../domain/audit-chain.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { AuditChainError } from '../../platform/errors.ts';
import type { Logger } from '../../platform/logger.ts';
import { findSequenceRange } from '../../store/console/audit-log.ts';
import type { Store } from '../../store/database/index.ts';
import type { Audit } from '../audit/audit.ts';
import { verifyAuditLog } from '../audit/verification.ts';

/** Pause between two steps of a verification, in ms, so that it takes at most half of the CPU time. */
const PAUSE_MS = 2;

/** The last verification of this node. Times are ms since 1970. */
type VerificationState =
  | { kind: 'none' }
  /** `verified` of `total` entries are done. */
  | { kind: 'running'; startedAt: number; verified: number; total: number }
  /** `archived`: number of the last entry in an archive, which the page does not verify. */
  | { kind: 'intact'; startedAt: number; endedAt: number; head: ChainHead; archived: number }
  | { kind: 'broken'; startedAt: number; endedAt: number; problem: string }
  | { kind: 'interrupted'; startedAt: number; endedAt: number };

/** Verifies the audit log in the background, once at a time per node. */
export interface AuditVerification {
  state(): VerificationState;
  /** Starts a verification. @returns false if one is running */
  start(by: { actorId: string; address: string }): boolean;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
  audit: Audit;
  log: Logger;
}

export function createAuditVerification(deps: Deps): AuditVerification {
  const { clock, audit, log } = deps;
  let state: VerificationState = { kind: 'none' };
  const run = async (by: { actorId: string; address: string }, startedAt: number): Promise<void> => {
    state = await verify(deps, startedAt, (progress) => {
      state = progress;
    });
    const detail = { result: state.kind, ...(state.kind === 'broken' && { problem: state.problem }) };
    const outcome = state.kind === 'intact' ? 'ok' : 'refused';
    await audit.record({ event: 'audit.verified', outcome, ...by, detail });
  };
  return {
    state: () => state,
    start: (by) => {
      if (state.kind === 'running') return false;
      const startedAt = clock.now();
      state = { kind: 'running', startedAt, verified: 0, total: 0 };
      run(by, startedAt).catch((error: unknown) => {
        log.error({ err: error }, 'failed to record the verification of the audit log');
      });
      return true;
    },
  };
}

type Running = Extract<VerificationState, { kind: 'running' }>;

async function verify(
  { store, clock, secrets, log }: Deps,
  startedAt: number,
  report: (progress: Running) => void,
): Promise<VerificationState> {
  try {
    const range = await store.read((tx) => findSequenceRange(tx));
    const { first, last } = range ?? { first: 1, last: 0 };
    const total = last - first + 1;
    const verification = await verifyAuditLog(
      { store, secrets },
      {
        onProgress: async (seq) => {
          report({ kind: 'running', startedAt, verified: Math.min(seq - first + 1, total), total });
          await sleep(PAUSE_MS);
        },
      },
    );
    return { kind: 'intact', startedAt, endedAt: clock.now(), ...verification };
  } catch (error) {
    log.error({ err: error }, 'failed to verify the audit log');
    const endedAt = clock.now();
    if (error instanceof AuditChainError) return { kind: 'broken', startedAt, endedAt, problem: error.message };
    return { kind: 'interrupted', startedAt, endedAt };
  }
}
