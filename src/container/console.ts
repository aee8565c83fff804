import { createApplicationPages } from '../services/binding/application-pages.ts';
import { createReview } from '../services/binding/review.ts';
import { createSendResetLink } from '../services/authentication/password-reset.ts';
import { createExecuteAction } from '../services/console/action-execution.ts';
import { createAuditLogSearch } from '../services/console/audit-log.ts';
import { createAuditVerification } from '../services/console/audit-verification.ts';
import { createAuthorization } from '../services/console/authorization.ts';
import { createBureauSettings } from '../services/console/bureau-settings.ts';
import { createConsoleMemberships } from '../services/console/memberships.ts';
import { createConsoleSchools } from '../services/console/schools.ts';
import type { ConsoleServices } from '../services/console/index.ts';
import { createBindingOverviews } from '../services/console/binding-overviews.ts';
import { createBindingReminders } from '../services/console/binding-reminders.ts';
import { createBulkRuns } from '../services/console/bulk-runs.ts';
import { createClassPages } from '../services/console/classes.ts';
import { createConsoleClients } from '../services/console/clients.ts';
import { createDeadLetters } from '../services/console/dead-letters.ts';
import { createConsoleKeys } from '../services/console/keys.ts';
import { createFamilyRequests } from '../services/console/family-requests.ts';
import { createDashboards } from '../services/console/dashboard.ts';
import { createConsoleNotices } from '../services/console/notices.ts';
import { createConsoleSchoolContacts } from '../services/console/school-contacts.ts';
import { createRegisterSwitch } from '../services/console/register-switch.ts';
import { createPersonActions } from '../services/console/person-actions.ts';
import { createPersonEffects } from '../services/console/person-effects.ts';
import { createPersonPages } from '../services/console/person-page.ts';
import { createStaffRequestList } from '../services/console/request-list.ts';
import { createConsoleSearch } from '../services/console/search.ts';
import { createSecondFactorRemovals } from '../services/console/second-factor-removals.ts';
import { createCreateRequest, createStaffRequestAnswers } from '../services/console/staff-requests.ts';
import { createConsoleSubjectRequests } from '../services/console/subject-requests.ts';
import { createWaitingWorkCounts } from '../services/console/waiting-work.ts';
import { createErasure } from '../services/personal-data/erasure.ts';
import type { Services } from './services.ts';

type Deps = Pick<
  Services,
  | 'store'
  | 'clients'
  | 'storedClients'
  | 'keyRing'
  | 'settings'
  | 'clock'
  | 'random'
  | 'secrets'
  | 'audit'
  | 'outbox'
  | 'revocation'
  | 'guardianships'
  | 'passwordVerifier'
  | 'issuer'
  | 'log'
  | 'approve'
  | 'register'
>;

export function createConsoleServices(deps: Deps): ConsoleServices {
  const { store, clock, random, secrets, audit, outbox, passwordVerifier, issuer, log } = deps;
  const { settings, approve, register } = deps;
  const authorization = createAuthorization({ store, clock, settings });
  const sendResetLink = createSendResetLink({ clock, random, outbox, issuer });
  const effects = createPersonEffects({ ...deps, sendResetLink });
  const execute = createExecuteAction({ clock, audit, outbox, passwordVerifier, effects, issuer });
  const createRequest = createCreateRequest({ clock, random, secrets, audit, effects });
  const requestDeps = { store, clock, random, secrets, audit, authorization, effects, execute };
  const personActions = createPersonActions({ store, authorization, execute, createRequest });
  const classPages = createClassPages({ store, clock, audit, authorization });
  const applicationPages = createApplicationPages({ store, clock, secrets, audit, authorization, register });
  const familyRequests = createFamilyRequests({ ...deps, authorization });
  const subjectRequests = createConsoleSubjectRequests({ ...deps, authorization, erasure: createErasure(deps) });
  const requestList = createStaffRequestList(requestDeps);
  return {
    applicationPages,
    waitingWork: createWaitingWorkCounts({ applicationPages, familyRequests, subjectRequests, requests: requestList }),
    review: createReview({ store, clock, secrets, audit, outbox, authorization, approve, issuer }),
    bindingOverviews: createBindingOverviews({ store, clock, audit, authorization }),
    bindingReminders: createBindingReminders({ ...deps, authorization }),
    classPages,
    bulkRuns: createBulkRuns({ store, clock, random, secrets, log, authorization, classPages, personActions }),
    clients: createConsoleClients({ ...deps, authorization }),
    keys: createConsoleKeys({ ...deps, authorization }),
    deadLetters: createDeadLetters({ ...deps, authorization }),
    authorization,
    auditLog: createAuditLogSearch({ store, clock, audit, authorization }),
    dashboards: createDashboards({ store, clock }),
    auditVerification: createAuditVerification({ store, clock, secrets, audit, log: deps.log }),
    bureauSettings: createBureauSettings({ store, clock, audit, settings, authorization }),
    memberships: createConsoleMemberships({ store, clock, authorization }),
    schools: createConsoleSchools({ store, clock, audit, authorization }),
    familyRequests,
    search: createConsoleSearch({ store, clock, secrets, authorization }),
    personPages: createPersonPages({ store, clock, secrets, audit, authorization }),
    personActions,
    notices: createConsoleNotices({ store, clock, audit, authorization }),
    schoolContacts: createConsoleSchoolContacts({ store, audit, authorization }),
    registerSwitch: createRegisterSwitch({ store, audit, authorization }),
    requests: { ...requestList, ...createStaffRequestAnswers(requestDeps) },
    subjectRequests,
    secondFactorRemovals: createSecondFactorRemovals({ ...deps, authorization }),
  };
}
