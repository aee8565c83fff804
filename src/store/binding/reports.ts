import { and, asc, eq, inArray, isNotNull, sql } from 'drizzle-orm';
import type { RequestSearch } from '../console/request-search.ts';
import type { Transaction } from '../database/index.ts';
import type { ApplicationRow } from './applications.ts';

export type ReportRow = Pick<ApplicationRow, 'id' | 'studentId' | 'schoolCode' | 'reportSealed' | 'reasonSealed'> & {
  reportOpenedAt: number;
};

/** Lists reports of wrong data that the school has not dealt with, the oldest first. */
export async function listOpenReports(
  tx: Transaction,
  { schoolCodes, after, limit }: RequestSearch,
): Promise<ReportRow[]> {
  const { bindingApplications: applications } = tx.tables;
  const rows = await tx.db
    .select({
      id: applications.id,
      studentId: applications.studentId,
      schoolCode: applications.schoolCode,
      reportSealed: applications.reportSealed,
      reasonSealed: applications.reasonSealed,
      reportOpenedAt: applications.reportOpenedAt,
    })
    .from(applications)
    .where(
      and(
        isNotNull(applications.reportOpenedAt),
        schoolCodes && inArray(applications.schoolCode, [...schoolCodes]),
        after && sql`(${applications.reportOpenedAt}, ${applications.id}) > (${after.at}, ${after.id})`,
      ),
    )
    .orderBy(asc(applications.reportOpenedAt), asc(applications.id))
    .limit(limit);
  return rows.flatMap(({ reportOpenedAt, ...row }) => (reportOpenedAt === null ? [] : { ...row, reportOpenedAt }));
}

/** Records that the school has dealt with a report. @returns false if a colleague was faster, or the family has replaced it */
export async function closeReport(tx: Transaction, id: string, openedAt: number): Promise<boolean> {
  const { bindingApplications: applications } = tx.tables;
  const rows = await tx.db
    .update(applications)
    .set({ reportOpenedAt: null })
    .where(and(eq(applications.id, id), eq(applications.reportOpenedAt, openedAt)))
    .returning({ id: applications.id });
  return rows.length > 0;
}
