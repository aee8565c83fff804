import { and, asc, eq } from 'drizzle-orm';
import type { Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

export type EvidenceRow = Tables['bindingEvidence']['$inferSelect'];
/** A file without its content. */
export type EvidenceSummary = Omit<EvidenceRow, 'contentSealed'>;

/** Lists the files of an application, the oldest first, without their contents. */
export function listEvidence(tx: Transaction, applicationId: string): Promise<EvidenceSummary[]> {
  const { bindingEvidence } = tx.tables;
  return tx.db
    .select({
      id: bindingEvidence.id,
      applicationId: bindingEvidence.applicationId,
      nameSealed: bindingEvidence.nameSealed,
      contentType: bindingEvidence.contentType,
      size: bindingEvidence.size,
      createdAt: bindingEvidence.createdAt,
    })
    .from(bindingEvidence)
    .where(eq(bindingEvidence.applicationId, applicationId))
    .orderBy(asc(bindingEvidence.createdAt), asc(bindingEvidence.id));
}

/** Finds a file of an application, with its content. */
export async function findEvidence(
  tx: Transaction,
  applicationId: string,
  id: string,
): Promise<EvidenceRow | undefined> {
  const { bindingEvidence } = tx.tables;
  const [row] = await tx.db
    .select()
    .from(bindingEvidence)
    .where(and(eq(bindingEvidence.applicationId, applicationId), eq(bindingEvidence.id, id)));
  return row;
}

export async function insertEvidence(tx: Transaction, evidence: EvidenceRow): Promise<void> {
  await tx.db.insert(tx.tables.bindingEvidence).values(evidence);
}

/** @returns false if the application has no such file */
export async function deleteEvidence(tx: Transaction, applicationId: string, id: string): Promise<boolean> {
  const { bindingEvidence } = tx.tables;
  const rows = await tx.db
    .delete(bindingEvidence)
    .where(and(eq(bindingEvidence.applicationId, applicationId), eq(bindingEvidence.id, id)))
    .returning({ id: bindingEvidence.id });
  return rows.length > 0;
}

export async function deleteAllEvidence(tx: Transaction, applicationId: string): Promise<void> {
  const { bindingEvidence } = tx.tables;
  await tx.db.delete(bindingEvidence).where(eq(bindingEvidence.applicationId, applicationId));
}
