import { and, inArray, lt } from 'drizzle-orm';
import type { ApplicationState } from '../../domain/binding/application.ts';
import type { Transaction } from '../database/index.ts';

/** The states of applications that no one will change, with abandoned drafts. */
const KEPT_FOR_A_TIME: readonly ApplicationState[] = ['draft', 'approved', 'rejected', 'withdrawn'];

/** Deletes up to `limit` applications that were changed last before `before` (ms), with applicants and evidence. @returns their number */
export async function purgeApplications(tx: Transaction, before: number, limit: number): Promise<number> {
  const { bindingApplications: applications } = tx.tables;
  const isOld = and(inArray(applications.state, [...KEPT_FOR_A_TIME]), lt(applications.updatedAt, before));
  const old = tx.db.select({ id: applications.id }).from(applications).where(isOld).limit(limit);
  const rows = await tx.db
    .delete(applications)
    .where(and(inArray(applications.id, old), isOld))
    .returning({ id: applications.id });
  return rows.length;
}

/** Deletes up to `limit` files of such applications. @returns their number */
export async function purgeEvidence(tx: Transaction, before: number, limit: number): Promise<number> {
  const { bindingApplications: applications, bindingEvidence: evidence } = tx.tables;
  const old = tx.db
    .select({ id: applications.id })
    .from(applications)
    .where(and(inArray(applications.state, [...KEPT_FOR_A_TIME]), lt(applications.updatedAt, before)));
  const files = tx.db
    .select({ id: evidence.id })
    .from(evidence)
    .where(inArray(evidence.applicationId, old))
    .limit(limit);
  const rows = await tx.db.delete(evidence).where(inArray(evidence.id, files)).returning({ id: evidence.id });
  return rows.length;
}
