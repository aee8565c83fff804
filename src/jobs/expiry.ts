import { MINUTE_MS } from '../domain/duration.ts';
import type { AccountAccess } from '../services/access/account-access.ts';
import type { ApplicationTransfers } from '../services/binding/transfers.ts';
import type { Adulthood } from '../services/people/adulthood.ts';
import type { AffiliationExpiry } from '../services/people/affiliation-expiry.ts';
import type { Guardianships } from '../services/people/guardianships.ts';
import type { ConsoleServices } from '../services/console/index.ts';
import type { SubjectRequests } from '../services/personal-data/requests.ts';
import { startPeriodicJob, type JobDeps, type PeriodicJob } from './periodic-job.ts';

const INTERVAL_MS = 5 * MINUTE_MS;
const BATCH_SIZE = 200;

interface Deps extends JobDeps {
  adulthood: Pick<Adulthood, 'suspendDue' | 'sendNotices'>;
  affiliationExpiry: AffiliationExpiry;
  applicationTransfers: ApplicationTransfers;
  guardianships: Guardianships;
  access: AccountAccess;
  console: Pick<ConsoleServices, 'requests' | 'secondFactorRemovals' | 'bulkRuns'>;
  subjectRequests: Pick<SubjectRequests, 'followSchools' | 'remindDue'>;
}

/**
 * Starts the job that revokes what has expired: guardianships, memberships, enrollments and sessions. It also suspends the guardianships of
 * students who come of age, and moves applications and requests about personal data of people who have changed schools. Requests refuse all
 * of them at that moment; this job notifies the relying parties. It also does the removals of second factors whose time has come, and reminds
 * staff of the deadlines of requests.
 */
export function startExpiryJob({
  adulthood,
  affiliationExpiry,
  applicationTransfers,
  guardianships,
  access,
  console,
  subjectRequests,
  log,
  metrics,
}: Deps): PeriodicJob {
  return startPeriodicJob('expiry', INTERVAL_MS, { log, metrics }, async () => {
    while ((await guardianships.expirePastEndDate(BATCH_SIZE)) >= BATCH_SIZE);
    while ((await adulthood.suspendDue(BATCH_SIZE)) >= BATCH_SIZE);
    while ((await adulthood.sendNotices(BATCH_SIZE)) >= BATCH_SIZE);
    await affiliationExpiry.revokeExpired();
    await applicationTransfers.followStudents(BATCH_SIZE);
    while ((await access.revokeExpiredSessions(BATCH_SIZE)) >= BATCH_SIZE);
    while ((await console.requests.expire(BATCH_SIZE)) >= BATCH_SIZE);
    await subjectRequests.followSchools();
    while ((await subjectRequests.remindDue(BATCH_SIZE)) >= BATCH_SIZE);
    await console.bulkRuns.erase();
    while ((await console.secondFactorRemovals.executeDue(BATCH_SIZE)) >= BATCH_SIZE);
  });
}
