import { currentEnrollments } from '../acting/contexts.ts';
import { isWithinValidity } from '../acting/guardianship.ts';
import type { Enrollment, GuardianshipState, Validity } from '../model.ts';
import { highestCapacity, type HomeroomClass, type StaffMembership } from './capacities.ts';
import type { PolicyTarget } from './policy.ts';

/** An enrollment with its class and the pupil. */
export interface PupilEnrollment extends Pick<Enrollment, 'id' | 'studentId' | 'year' | 'semester'>, Validity {
  classId: string;
  school: { code: string };
}

/** The facts about a person that the access policy depends on. */
export interface PolicyFacts {
  id: string;
  memberships: readonly StaffMembership[];
  homeroomClasses: readonly HomeroomClass[];
  guardianships: readonly (Validity & { studentId: string; state: GuardianshipState })[];
  /** The pupil of a school account. */
  schoolAccountOf: string | undefined;
  /** Enrollments of the person, of their children and of the pupil of the school account. */
  enrollments: readonly PupilEnrollment[];
}

/**
 * Returns the facts that decide who may act on a person. A guardian is in scope through the current enrollments of the children. A
 * suspended guardianship counts, because the desk must be able to help; an ended one does not.
 */
export function policyTargetOf(facts: PolicyFacts, today: string): PolicyTarget {
  const staff = facts.memberships.filter((one) => isWithinValidity(one, today));
  const capacity = highestCapacity(facts.memberships, facts.homeroomClasses, today);
  const isComing = ({ validTo }: Validity): boolean => validTo === undefined || today <= validTo;
  const childIds = facts.guardianships
    .filter((one) => (one.state === 'active' || one.state === 'suspended') && isWithinValidity(one, today))
    .map(({ studentId }) => studentId);
  const pupilIds = [facts.id, ...childIds, ...(facts.schoolAccountOf === undefined ? [] : [facts.schoolAccountOf])];
  const enrollments = [...new Set(pupilIds)].flatMap((id) =>
    currentEnrollments(
      facts.enrollments.filter(({ studentId }) => studentId === id),
      today,
    ),
  );
  return {
    id: facts.id,
    capacity,
    isStaff: capacity !== undefined || facts.memberships.some(isComing),
    isGuardian: childIds.length > 0,
    staffSchools: [...new Set(staff.flatMap(({ schoolCode }) => schoolCode ?? []))],
    pupilSchools: [...new Set(enrollments.map(({ school }) => school.code))],
    classIds: [...new Set(enrollments.map(({ classId }) => classId))],
  };
}
