import { HOUR_MS } from '../../domain/duration.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Audit } from '../audit/audit.ts';

/** Records which service accounts read all people. */
export interface DirectoryScanAudit {
  /** Records the start of a scan, at most once an hour for an account on this node: some systems synchronize every few minutes. */
  recordStart(clientId: string, address: string): Promise<void>;
}

export function createDirectoryScanAudit({
  audit,
  clock,
}: {
  audit: Pick<Audit, 'record'>;
  clock: Clock;
}): DirectoryScanAudit {
  /** Time of the last entry of each account, ms. Registered clients only, so it stays small. */
  const recordedAt = new Map<string, number>();
  return {
    recordStart: async (clientId, address) => {
      const now = clock.now();
      if (now - (recordedAt.get(clientId) ?? -HOUR_MS) < HOUR_MS) return;
      recordedAt.set(clientId, now);
      await audit.record({ event: 'directory.people_listed', outcome: 'ok', clientId, address });
    },
  };
}
