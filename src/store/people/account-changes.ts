import { and, desc, eq, gt, inArray, type SQL } from 'drizzle-orm';
import type { AuditEntry } from '../../domain/audit-chain.ts';
import type { Transaction } from '../database/index.ts';

/** The person has confirmed that they saw the changes up to the entry `through`. */
export const CHANGES_SEEN_EVENT = 'account_changes.seen';

/** Changes that give access to the account, or to its mail. */
const ACCOUNT_CHANGE_EVENTS = [
  'application_password.created',
  ...['second_factor.added', 'second_factor.removed', 'recovery_codes.replaced'],
  ...['identifier.changed', 'identifier.removed', 'identifier.reverted'],
  ...['staff.issue_one_time_code', 'staff.restore_first_password', 'staff.remove_second_factor'],
  ...['staff.change_contact', 'staff.correct_identity', 'staff.merge', 'staff.undo_merge'],
];

/** Lists the changes of an account after the audit entry `after`, oldest first. The index of the subject bounds the cost. */
export function listAccountChanges(
  tx: Transaction,
  personId: string,
  { after, limit }: { after: number; limit: number },
): Promise<AuditEntry[]> {
  const { audit } = tx.tables;
  return tx.db
    .select()
    .from(audit)
    .where(and(isChangeOf(tx, personId), gt(audit.seq, after)))
    .orderBy(audit.seq)
    .limit(limit);
}

/** Returns the number of the audit entry of the newest change; 0 if there is none. */
export async function findNewestChange(tx: Transaction, personId: string): Promise<number> {
  const { audit } = tx.tables;
  const [row] = await tx.db
    .select({ seq: audit.seq })
    .from(audit)
    .where(isChangeOf(tx, personId))
    .orderBy(desc(audit.seq))
    .limit(1);
  return row?.seq ?? 0;
}

function isChangeOf(tx: Transaction, personId: string): SQL | undefined {
  const { audit } = tx.tables;
  return and(eq(audit.subjectId, personId), eq(audit.outcome, 'ok'), inArray(audit.event, ACCOUNT_CHANGE_EVENTS));
}

/** Finds the newest confirmation of a person. */
export async function findSeenEntry(tx: Transaction, personId: string): Promise<AuditEntry | undefined> {
  const { audit } = tx.tables;
  const [row] = await tx.db
    .select()
    .from(audit)
    .where(and(eq(audit.subjectId, personId), eq(audit.event, CHANGES_SEEN_EVENT)))
    .orderBy(desc(audit.seq))
    .limit(1);
  return row;
}
