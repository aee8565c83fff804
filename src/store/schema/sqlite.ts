import { sqliteColumns } from './column-builders.ts';
import { defineSchema } from './tables.ts';

export const sqliteTables = defineSchema(sqliteColumns);

// drizzle-kit finds a table only when it is exported by itself; a contract test compares this list with the tables.
export const {
  persons,
  identifiers,
  schools,
  classes,
  schoolAccounts,
  enrollments,
  memberships,
  guardianships,
  passwords,
  firstPasswords,
  resetLinks,
  pendingContacts,
  usedChallenges,
  throttles,
  secondFactors,
  recoveryCodes,
  staffRequests,
  secondFactorRemovals,
  bulkRuns,
  bulkRows,
  oidcRecords,
  grants,
  sessions,
  consents,
  lastContexts,
  keys,
  clients,
  outbox,
  audit,
  auditHead,
  auditArchive,
  settings,
  signInCounts,
  clientCounts,
  accountCounts,
} = sqliteTables;
