import { and, asc, gt, gte, inArray, isNull, lt, lte, or } from 'drizzle-orm';

import type { Transaction } from '../database/index.ts';

/** What ties a person to a school: a staff member's role, or a student's class. */
export type AffiliationKind = 'membership' | 'enrollment';

export interface EndedAffiliation {
  id: string;
  /** `2027-01-31` */
  lastDay: string;
  personId: string;
}

/** A place in the order of `listEndedAffiliations`. */
export type AffiliationCursor = Pick<EndedAffiliation, 'id' | 'lastDay'>;

/** Up to `limit` affiliations behind `after` whose last day was before `today`, earliest first; by one index. */
export async function listEndedAffiliations(
  tx: Transaction,
  kind: AffiliationKind,
  after: AffiliationCursor,
  today: string,
  limit: number,
): Promise<EndedAffiliation[]> {
  const { memberships, enrolments } = tx.tables;
  const t = kind === 'membership' ? memberships : enrolments;
  const rows = await tx.db
    .select({
      id: t.id,
      lastDay: t.validTo,
      personId: kind === 'membership' ? memberships.personId : enrolments.studentId,
    })
    .from(t)
    .where(
      and(gte(t.validTo, after.lastDay), lt(t.validTo, today), or(gt(t.validTo, after.lastDay), gt(t.id, after.id))),
    )
    .orderBy(asc(t.validTo), asc(t.id))
    .limit(limit);
  return rows.map(({ lastDay, ...row }) => ({ ...row, lastDay: lastDay ?? '' }));
}

/** Which of these students are enrolled anywhere on a day. */
export async function listEnrolledOn(
  tx: Transaction,
  studentIds: readonly string[],
  day: string,
): Promise<Set<string>> {
  const enrolments = tx.tables.enrolments;
  const rows = await tx.db
    .selectDistinct({ studentId: enrolments.studentId })
    .from(enrolments)
    .where(
      and(
        inArray(enrolments.studentId, [...studentIds]),
        or(isNull(enrolments.validFrom), lte(enrolments.validFrom, day)),
        or(isNull(enrolments.validTo), gte(enrolments.validTo, day)),
      ),
    );
  return new Set(rows.map(({ studentId }) => studentId));
}
