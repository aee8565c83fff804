import {
  currentEnrollments,
  currentMemberships,
  isVisibleEnrollment,
  isVisibleMembership,
} from '../acting/contexts.ts';
import { isActiveOn } from '../acting/guardianship.ts';
import type { ClientEntitlements, PersonFacts } from '../model.ts';

/**
 * Returns true if the directory shows a person to a client: an active person who has a role at a school of the client's types, or an active
 * guardianship of a pupil there. A client of the directory can list people, so those who have nothing to do with it are absent.
 */
export function isShownInDirectory(facts: PersonFacts, entitlements: ClientEntitlements, today: string): boolean {
  if (!facts.isActive || facts.isSchoolAccount || facts.isSharingStopped) return false;
  if (currentMemberships(facts.memberships, today).some((one) => isVisibleMembership(one, entitlements))) return true;
  if (currentEnrollments(facts.enrollments, today).some((one) => isVisibleEnrollment(one, entitlements))) return true;
  return facts.children.some(
    ({ guardianship, enrollments }) =>
      isActiveOn(guardianship, today) &&
      currentEnrollments(enrollments, today).some((one) => isVisibleEnrollment(one, entitlements)),
  );
}
