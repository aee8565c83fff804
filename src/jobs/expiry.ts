import type { Logger } from '../platform/logger.ts';
import type { AccountAccess } from '../services/access/account-access.ts';
import type { AffiliationExpiry } from '../services/people/affiliation-expiry.ts';
import type { Guardianships } from '../services/people/guardianships.ts';
import { startPeriodicJob, type PeriodicJob } from './periodic-job.ts';

const INTERVAL_MS = 5 * 60_000;
const BATCH_SIZE = 200;

interface Deps {
  affiliationExpiry: AffiliationExpiry;
  guardianships: Guardianships;
  access: AccountAccess;
  log: Logger;
}

/**
 * Guardianships, memberships and enrolments with a last day, and sessions with a last hour, end by themselves: cookies and tokens
 * refuse at once, and this tells the relying parties.
 */
export function startExpiryJob({ affiliationExpiry, guardianships, access, log }: Deps): PeriodicJob {
  return startPeriodicJob('end-dates', INTERVAL_MS, log, async () => {
    while ((await guardianships.expirePastEndDate(BATCH_SIZE)) >= BATCH_SIZE);
    await affiliationExpiry.revokeExpired();
    while ((await access.revokeExpiredSessions(BATCH_SIZE)) >= BATCH_SIZE);
  });
}
