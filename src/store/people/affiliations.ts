import { and, asc, gt, gte, inArray, isNull, lt, lte, or } from 'drizzle-orm';

import type { Unit } from '../database/index.ts';

/** What ties a person to a school: a staff member's role, or a student's class. */
export type AffiliationKind = 'membership' | 'enrolment';

export interface EndedAffiliation {
  id: string;
  /** `2027-01-31` */
  lastDay: string;
  personId: string;
}

/** A place in the order of `endedAffiliations`. */
export type Place = Pick<EndedAffiliation, 'id' | 'lastDay'>;

/** Up to `limit` affiliations behind `after` whose last day was before `today`, earliest first; by one index. */
export async function endedAffiliations(
  u: Unit,
  kind: AffiliationKind,
  after: Place,
  today: string,
  limit: number,
): Promise<EndedAffiliation[]> {
  const { memberships: m, enrolments: e } = u.t;
  const t = kind === 'membership' ? m : e;
  const rows = await u.db
    .select({ id: t.id, lastDay: t.validTo, personId: kind === 'membership' ? m.personId : e.studentId })
    .from(t)
    .where(
      and(gte(t.validTo, after.lastDay), lt(t.validTo, today), or(gt(t.validTo, after.lastDay), gt(t.id, after.id))),
    )
    .orderBy(asc(t.validTo), asc(t.id))
    .limit(limit);
  return rows.map(({ lastDay, ...row }) => ({ ...row, lastDay: lastDay ?? '' }));
}

/** Which of these students are enrolled anywhere on a day. */
export async function enrolledOn(u: Unit, studentIds: readonly string[], day: string): Promise<Set<string>> {
  const e = u.t.enrolments;
  const rows = await u.db
    .selectDistinct({ studentId: e.studentId })
    .from(e)
    .where(
      and(
        inArray(e.studentId, [...studentIds]),
        or(isNull(e.validFrom), lte(e.validFrom, day)),
        or(isNull(e.validTo), gte(e.validTo, day)),
      ),
    );
  return new Set(rows.map(({ studentId }) => studentId));
}
