import type { Logger } from '../platform/logger.ts';
import type { Access } from '../services/access/account-access.ts';
import type { Affiliations } from '../services/people/affiliation-expiry.ts';
import type { Guardianships } from '../services/people/guardianships.ts';
import { startLoop, type Loop } from './periodic-job.ts';

const PAUSE_MS = 5 * 60_000;
const BATCH = 200;

interface Deps {
  affiliations: Affiliations;
  guardianships: Guardianships;
  access: Access;
  log: Logger;
}

/**
 * Guardianships, memberships and enrolments with a last day, and sessions with a last hour, end by themselves: cookies and tokens
 * refuse at once, and this tells the relying parties.
 */
export function startEndDatesJob({ affiliations, guardianships, access, log }: Deps): Loop {
  return startLoop('end-dates', PAUSE_MS, log, async () => {
    while ((await guardianships.expireEnded(BATCH)) >= BATCH);
    await affiliations.endPassed();
    while ((await access.endExpired(BATCH)) >= BATCH);
  });
}
