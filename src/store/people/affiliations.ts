import { and, asc, eq, gt, gte, inArray, isNull, lt, lte, or, type SQL } from 'drizzle-orm';

import type { Transaction } from '../database/index.ts';

/** A staff member's role at a school, or a student's class. */
export type AffiliationKind = 'membership' | 'enrollment';

export interface EndedAffiliation {
  id: string;
  /** `2027-01-31` */
  lastDay: string;
  personId: string;
}

/** A position in the order of `listEndedAffiliations`. */
export type AffiliationCursor = Pick<EndedAffiliation, 'id' | 'lastDay'>;

/** Lists up to `limit` affiliations behind `after` whose last day was before `today`, earliest first. */
export async function listEndedAffiliations(
  tx: Transaction,
  kind: AffiliationKind,
  after: AffiliationCursor,
  today: string,
  limit: number,
): Promise<EndedAffiliation[]> {
  const { memberships, enrollments } = tx.tables;
  const affiliations = kind === 'membership' ? memberships : enrollments;
  const rows = await tx.db
    .select({
      id: affiliations.id,
      lastDay: affiliations.validTo,
      personId: kind === 'membership' ? memberships.personId : enrollments.studentId,
    })
    .from(affiliations)
    .where(
      and(
        gte(affiliations.validTo, after.lastDay),
        lt(affiliations.validTo, today),
        or(gt(affiliations.validTo, after.lastDay), gt(affiliations.id, after.id)),
      ),
    )
    .orderBy(asc(affiliations.validTo), asc(affiliations.id))
    .limit(limit);
  return rows.map(({ lastDay, ...row }) => ({ ...row, lastDay: lastDay ?? '' }));
}

/** Lists which of these students are enrolled at any school on a day. */
export async function listEnrolledOn(
  tx: Transaction,
  studentIds: readonly string[],
  day: string,
): Promise<Set<string>> {
  const enrollments = tx.tables.enrollments;
  const rows = await tx.db
    .selectDistinct({ studentId: enrollments.studentId })
    .from(enrollments)
    .where(
      and(
        inArray(enrollments.studentId, [...studentIds]),
        or(isNull(enrollments.validFrom), lte(enrollments.validFrom, day)),
        or(isNull(enrollments.validTo), gte(enrollments.validTo, day)),
      ),
    );
  return new Set(rows.map(({ studentId }) => studentId));
}

/** Lists the administrators of the bureau on a day. */
export async function listBureauAdministrators(tx: Transaction, day: string): Promise<string[]> {
  const { memberships } = tx.tables;
  const rows = await tx.db
    .selectDistinct({ personId: memberships.personId })
    .from(memberships)
    .where(and(isNull(memberships.schoolCode), eq(memberships.role, 'bureau_admin'), isValidOn(tx, day)))
    .orderBy(memberships.personId);
  return rows.map(({ personId }) => personId);
}

function isValidOn({ tables: { memberships } }: Transaction, day: string): SQL | undefined {
  return and(
    or(isNull(memberships.validFrom), lte(memberships.validFrom, day)),
    or(isNull(memberships.validTo), gte(memberships.validTo, day)),
  );
}

/** Lists the people who have a duty at one of the schools on a day. */
export async function listStaffWithDuty(
  tx: Transaction,
  schoolCodes: readonly string[],
  duty: string,
  day: string,
): Promise<string[]> {
  const { memberships } = tx.tables;
  if (schoolCodes.length === 0) return [];
  const rows = await tx.db
    .selectDistinct({ personId: memberships.personId })
    .from(memberships)
    .where(and(inArray(memberships.schoolCode, [...schoolCodes]), eq(memberships.duty, duty), isValidOn(tx, day)))
    .orderBy(memberships.personId);
  return rows.map(({ personId }) => personId);
}
