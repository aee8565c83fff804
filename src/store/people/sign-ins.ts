import { and, desc, eq, inArray, lt } from 'drizzle-orm';
import type { AuditEntry } from '../../domain/audit-chain.ts';
import type { Transaction } from '../database/index.ts';

/** The events of the sign-in history, with the steps of a sign-in with a second factor. */
const SIGN_IN_EVENTS = [
  'sign_in.succeeded',
  'sign_in.failed',
  'sign_in.throttled',
  'sign_in.password_change_required',
  'sign_in.second_factor_required',
  'second_factor.failed',
] as const;

interface SignInPage {
  /** Only entries before this one; undefined for the newest. */
  beforeSeq?: number | undefined;
  limit: number;
}

/** Lists the newest sign-ins of a person, failed ones included. The index of the subject bounds the cost. */
export function listSignIns(
  tx: Transaction,
  personId: string,
  { beforeSeq, limit }: SignInPage,
): Promise<AuditEntry[]> {
  const audit = tx.tables.audit;
  const isBefore = beforeSeq === undefined ? undefined : lt(audit.seq, beforeSeq);
  return tx.db
    .select()
    .from(audit)
    .where(and(eq(audit.subjectId, personId), isBefore, inArray(audit.event, [...SIGN_IN_EVENTS])))
    .orderBy(desc(audit.seq))
    .limit(limit);
}
