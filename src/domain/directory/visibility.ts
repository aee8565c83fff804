import { isVisibleEnrollment, isVisibleMembership } from '../acting/contexts.ts';
import { isActiveOn, isWithinValidity } from '../acting/guardianship.ts';
import type { ClientEntitlements, Enrollment, PersonFacts } from '../model.ts';

/**
 * Returns true if the directory shows a person to a client: an active person who has a role at a school of the client's types, or an active
 * guardianship of a pupil there. A client of the directory can list people, so those who have nothing to do with it are absent.
 */
export function isShownInDirectory(facts: PersonFacts, entitlements: ClientEntitlements, today: string): boolean {
  if (!facts.isActive || facts.isSchoolAccount || facts.isSharingStopped) return false;
  // Any valid row decides: those of one school have one type, so the newest of them need not be found.
  const isShownStudent = (enrollments: readonly Enrollment[]): boolean =>
    enrollments.some((one) => isWithinValidity(one, today) && isVisibleEnrollment(one, entitlements));
  return (
    facts.memberships.some((one) => isWithinValidity(one, today) && isVisibleMembership(one, entitlements)) ||
    isShownStudent(facts.enrollments) ||
    facts.children.some(
      ({ guardianship, enrollments }) => isActiveOn(guardianship, today) && isShownStudent(enrollments),
    )
  );
}
