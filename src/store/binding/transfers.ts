import { and, asc, eq, exists, gte, inArray, isNotNull, isNull, lte, notExists, or, sql, type SQL } from 'drizzle-orm';
import { OPEN_STATES } from '../../domain/binding/application.ts';
import type { Transaction } from '../database/index.ts';
import type { ApplicationRow } from './applications.ts';

export type TransferRow = Pick<ApplicationRow, 'id' | 'studentId' | 'schoolCode'>;

/** Lists up to `limit` open applications at a school whose students have moved to another school by `today`. */
export function listTransferredApplications(
  tx: Transaction,
  schoolCode: string,
  today: string,
  limit: number,
): Promise<TransferRow[]> {
  const { bindingApplications: applications } = tx.tables;
  const isOpen = and(eq(applications.schoolCode, schoolCode), inArray(applications.state, [...OPEN_STATES]));
  return listTransferred(tx, isOpen, today, limit);
}

/** Lists up to `limit` applications with an open report of wrong data whose students have moved to another school by `today`. */
export function listTransferredReports(tx: Transaction, today: string, limit: number): Promise<TransferRow[]> {
  return listTransferred(tx, isNotNull(tx.tables.bindingApplications.reportOpenedAt), today, limit);
}

function listTransferred(
  tx: Transaction,
  condition: SQL | undefined,
  today: string,
  limit: number,
): Promise<TransferRow[]> {
  const { bindingApplications: applications, enrollments } = tx.tables;
  const enrolled = (more?: SQL) =>
    tx.db
      .select({ one: sql`1` })
      .from(enrollments)
      .where(
        and(
          eq(enrollments.studentId, applications.studentId),
          or(isNull(enrollments.validFrom), lte(enrollments.validFrom, today)),
          or(isNull(enrollments.validTo), gte(enrollments.validTo, today)),
          more,
        ),
      );
  return tx.db
    .select({ id: applications.id, studentId: applications.studentId, schoolCode: applications.schoolCode })
    .from(applications)
    .where(and(condition, notExists(enrolled(eq(enrollments.schoolCode, applications.schoolCode))), exists(enrolled())))
    .orderBy(asc(applications.id))
    .limit(limit);
}

/** Moves an application to another school. @returns false if it was moved meanwhile */
export async function moveApplication(
  tx: Transaction,
  { id, schoolCode }: Pick<TransferRow, 'id' | 'schoolCode'>,
  to: string,
): Promise<boolean> {
  const { bindingApplications: applications } = tx.tables;
  const rows = await tx.db
    .update(applications)
    .set({ schoolCode: to })
    .where(and(eq(applications.id, id), eq(applications.schoolCode, schoolCode)))
    .returning({ id: applications.id });
  return rows.length > 0;
}
