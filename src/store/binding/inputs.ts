import { and, eq, inArray } from 'drizzle-orm';
import { EDITABLE_STATES } from '../../domain/binding/application.ts';
import type { Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

/** Input of a step that is not validated. */
export type InputRow = Tables['bindingInputs']['$inferSelect'];

export function listInputs(tx: Transaction, applicationId: string): Promise<InputRow[]> {
  const { bindingInputs } = tx.tables;
  return tx.db.select().from(bindingInputs).where(eq(bindingInputs.applicationId, applicationId));
}

/**
 * Inserts the input of a step, or replaces it. It is no change of the application, so the version stays. The update locks the application,
 * so that a concurrent submission leaves no input behind.
 *
 * @returns false if the application can no longer be changed
 */
export async function upsertInput(tx: Transaction, input: InputRow, now: number): Promise<boolean> {
  const { bindingApplications, bindingInputs } = tx.tables;
  const open = await tx.db
    .update(bindingApplications)
    .set({ updatedAt: now })
    .where(
      and(eq(bindingApplications.id, input.applicationId), inArray(bindingApplications.state, [...EDITABLE_STATES])),
    )
    .returning({ id: bindingApplications.id });
  if (open.length === 0) return false;
  await tx.db
    .insert(bindingInputs)
    .values(input)
    .onConflictDoUpdate({ target: [bindingInputs.applicationId, bindingInputs.step], set: input });
  return true;
}

export async function deleteInput(
  tx: Transaction,
  { applicationId, step }: Pick<InputRow, 'applicationId' | 'step'>,
): Promise<void> {
  const { bindingInputs } = tx.tables;
  await tx.db
    .delete(bindingInputs)
    .where(and(eq(bindingInputs.applicationId, applicationId), eq(bindingInputs.step, step)));
}

export async function deleteInputs(tx: Transaction, applicationId: string): Promise<void> {
  const { bindingInputs } = tx.tables;
  await tx.db.delete(bindingInputs).where(eq(bindingInputs.applicationId, applicationId));
}
