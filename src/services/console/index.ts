import type { ApplicationPages } from '../binding/application-pages.ts';
import type { Review } from '../binding/review.ts';
import type { AuditLogSearch } from './audit-log.ts';
import type { AuditVerification } from './audit-verification.ts';
import type { Authorization } from './authorization.ts';
import type { ConsoleClients } from './clients.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { ConsoleKeys } from './keys.ts';
import type { BureauSettings } from './bureau-settings.ts';
import type { ConsoleMemberships } from './memberships.ts';
import type { ConsoleSchools } from './schools.ts';
import type { ConsoleNotices } from './notices.ts';
import type { RegisterSwitch } from './register-switch.ts';
import type { BulkRuns } from './bulk-runs.ts';
import type { ClassPages } from './classes.ts';
import type { Dashboards } from './dashboard.ts';
import type { PersonActions } from './person-actions.ts';
import type { PersonPages } from './person-page.ts';
import type { StaffRequestList } from './request-list.ts';
import type { FamilyRequests } from './family-requests.ts';
import type { ConsoleSearch } from './search.ts';
import type { SecondFactorRemovals } from './second-factor-removals.ts';
import type { StaffRequestAnswers } from './staff-requests.ts';

/** The use cases of the staff console. */
export interface ConsoleServices {
  applicationPages: ApplicationPages;
  review: Review;
  classPages: ClassPages;
  bulkRuns: BulkRuns;
  authorization: Authorization;
  bureauSettings: BureauSettings;
  memberships: ConsoleMemberships;
  schools: ConsoleSchools;
  familyRequests: FamilyRequests;
  search: ConsoleSearch;
  personPages: PersonPages;
  personActions: PersonActions;
  clients: ConsoleClients;
  notices: ConsoleNotices;
  registerSwitch: RegisterSwitch;
  requests: StaffRequestList & StaffRequestAnswers;
  secondFactorRemovals: SecondFactorRemovals;
  auditLog: AuditLogSearch;
  auditVerification: AuditVerification;
  keys: ConsoleKeys;
  deadLetters: DeadLetters;
  dashboards: Dashboards;
}
