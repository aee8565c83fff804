import { and, eq, inArray, isNull, or } from 'drizzle-orm';
import type { Transaction } from '../database/index.ts';
import type { GuardianshipRow } from '../people/guardianships.ts';

/**
 * Lists the accounts that exist for a person only: the school accounts of the pupil, and accounts that were merged into one of these. A
 * merged account that staff enabled again is in use, and stays.
 */
export async function listDependentAccounts(tx: Transaction, personId: string): Promise<string[]> {
  const found = new Set([personId]);
  // The loop also visits the accounts that it adds.
  for (const id of found) {
    for (const account of await listDirectDependents(tx, id)) found.add(account);
  }
  found.delete(personId);
  return [...found];
}

async function listDirectDependents(tx: Transaction, personId: string): Promise<string[]> {
  const { schoolAccounts, personMerges, persons } = tx.tables;
  const accounts = await tx.db
    .select({ id: schoolAccounts.personId })
    .from(schoolAccounts)
    .where(eq(schoolAccounts.studentId, personId));
  const merged = await tx.db
    .select({ id: persons.id })
    .from(personMerges)
    .innerJoin(persons, eq(persons.id, personMerges.otherId))
    .where(and(eq(personMerges.keptId, personId), isNull(personMerges.undoneAt), eq(persons.status, 'disabled')));
  return [...accounts, ...merged].map(({ id }) => id);
}

/** Lists the guardianships of people on either side. */
export function listGuardianshipsOf(tx: Transaction, ids: readonly string[]): Promise<GuardianshipRow[]> {
  const { guardianships } = tx.tables;
  return tx.db
    .select()
    .from(guardianships)
    .where(or(inArray(guardianships.guardianId, [...ids]), inArray(guardianships.studentId, [...ids])))
    .orderBy(guardianships.id);
}

/**
 * Deletes the entry of a person in an application of somebody else, and its evidence and unsent input: nothing says whose they are. The
 * application is deleted with its last applicant.
 */
export async function deleteApplicantOf(
  tx: Transaction,
  { applicationId, position }: { applicationId: string; position: number },
): Promise<void> {
  const { bindingApplicants, bindingApplications, bindingEvidence, bindingInputs } = tx.tables;
  await tx.db.delete(bindingEvidence).where(eq(bindingEvidence.applicationId, applicationId));
  await tx.db.delete(bindingInputs).where(eq(bindingInputs.applicationId, applicationId));
  await tx.db
    .delete(bindingApplicants)
    .where(and(eq(bindingApplicants.applicationId, applicationId), eq(bindingApplicants.position, position)));
  const left = await tx.db
    .select({ position: bindingApplicants.position })
    .from(bindingApplicants)
    .where(eq(bindingApplicants.applicationId, applicationId));
  if (left.length === 0) await tx.db.delete(bindingApplications).where(eq(bindingApplications.id, applicationId));
}

/** Deletes people with everything that references them. The audit log and the records of their requests have no foreign keys. */
export async function deletePeople(tx: Transaction, ids: readonly string[]): Promise<void> {
  const { persons, personMerges } = tx.tables;
  await tx.db
    .delete(personMerges)
    .where(or(inArray(personMerges.keptId, [...ids]), inArray(personMerges.otherId, [...ids])));
  await tx.db.delete(persons).where(inArray(persons.id, [...ids]));
}

/** Stops or resumes the sharing of a person's data with relying parties. @param stoppedAt ms since 1970, or null */
export async function updateSharing(
  tx: Transaction,
  personId: string,
  stoppedAt: number | null,
  now: number,
): Promise<void> {
  const { persons } = tx.tables;
  await tx.db.update(persons).set({ sharingStoppedAt: stoppedAt, updatedAt: now }).where(eq(persons.id, personId));
}

export async function deleteConsentsOf(tx: Transaction, personId: string): Promise<void> {
  const { consents } = tx.tables;
  await tx.db.delete(consents).where(eq(consents.personId, personId));
}
