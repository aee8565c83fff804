import {
  defineApplicants,
  defineApplications,
  defineFamilyReminders,
  defineMerges,
  defineNotices,
  defineRegister,
  defineSubjectRequests,
} from './binding.ts';
import type { ColumnBuilders } from './column-builders.ts';
import { defineBulkRuns, defineStaffRequests } from './console.ts';
import { defineApplicationPasswords, defineCredentials, defineSecondFactors } from './credentials.ts';
import { defineClients, defineConsents, defineKeys, defineOidcRecords, defineSessions } from './oidc.ts';
import { defineAuditLog, defineOutbox, defineSettings } from './operations.ts';
import {
  defineAffiliations,
  defineDirectoryNumbers,
  defineGuardianships,
  definePersons,
  defineSchools,
} from './people.ts';
import { defineSelfService } from './self-service.ts';
import { defineStatistics } from './statistics.ts';

/** Defines all tables once. `sqlite.ts` and `postgres.ts` call it with the column builders of their engine. */
export function defineSchema(kit: ColumnBuilders) {
  const people = definePersons(kit);
  const schools = defineSchools(kit, people.persons);
  const applications = defineApplications(kit, people.persons, schools);
  return {
    ...people,
    ...schools,
    ...defineDirectoryNumbers(kit, people.persons),
    ...defineAffiliations(kit, people.persons, schools),
    ...defineGuardianships(kit, people.persons),
    ...defineCredentials(kit, people.persons),
    ...defineSecondFactors(kit, people.persons),
    ...defineApplicationPasswords(kit, people.persons),
    ...defineSelfService(kit, people.persons),
    ...defineStaffRequests(kit, people.persons, schools),
    ...defineBulkRuns(kit, people.persons, schools),
    ...defineNotices(kit, people.persons, schools),
    ...applications,
    ...defineApplicants(kit, applications.bindingApplications),
    ...defineRegister(kit),
    ...defineSubjectRequests(kit, schools),
    ...defineMerges(kit),
    ...defineFamilyReminders(kit, people.persons),
    ...defineOidcRecords(kit),
    ...defineSessions(kit, people.persons),
    ...defineConsents(kit, people.persons),
    ...defineKeys(kit),
    ...defineClients(kit),
    ...defineOutbox(kit),
    ...defineAuditLog(kit),
    ...defineSettings(kit),
    ...defineStatistics(kit),
  };
}

export type Tables = ReturnType<typeof defineSchema>;
