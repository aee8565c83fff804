import { isWithinValidity } from '../acting/guardianship.ts';
import type { Validity } from '../model.ts';
import { currentTerm, isSameTerm, isTermBefore, type Term } from '../term.ts';

/** The capacities of console staff, the lowest first. A capacity gives power over people within its scope (docs/access-policy.md). */
export const CAPACITIES = ['homeroom_teacher', 'registrar', 'it_desk', 'bureau_admin'] as const;
export type Capacity = (typeof CAPACITIES)[number];

/** A capacity with the class or school that limits it. */
export type HeldCapacity =
  | ({ capacity: 'homeroom_teacher'; classId: string } & OfSchool)
  | ({ capacity: 'registrar' | 'it_desk' } & OfSchool)
  | { capacity: 'bureau_admin' };

interface OfSchool {
  schoolCode: string;
  /** The bureau has closed the school. */
  isSchoolClosed?: boolean;
}

/** A staff membership as far as capacities depend on it. */
export interface StaffMembership extends Validity {
  role: string;
  duty: string | undefined;
  schoolCode: string | undefined;
  isSchoolClosed?: boolean;
}

/** A class with this person as its homeroom teacher. */
export interface HomeroomClass extends Term {
  id: string;
  schoolCode: string;
  isSchoolClosed?: boolean;
}

/** Returns the rank of a capacity; 0 for a person without one. */
export function rankOf(capacity: Capacity | undefined): number {
  return capacity === undefined ? 0 : CAPACITIES.indexOf(capacity) + 1;
}

/** Returns the capacities that a person holds today, the highest first. Homeroom teachers hold theirs for the current term. */
export function heldCapacities(
  memberships: readonly StaffMembership[],
  homeroomClasses: readonly HomeroomClass[],
  today: string,
): HeldCapacity[] {
  const term = currentTerm(today);
  const fromMemberships = memberships.filter((one) => isWithinValidity(one, today)).flatMap(capacityOf);
  const fromClasses = homeroomClasses
    .filter((one) => isSameTerm(one, term))
    .map((one) => ({ capacity: 'homeroom_teacher' as const, classId: one.id, ...ofSchool(one.schoolCode, one) }));
  return [...fromMemberships, ...fromClasses].sort((a, b) => rankOf(b.capacity) - rankOf(a.capacity));
}

/** Returns the codes of the schools that capacities are limited to; empty for the bureau. */
export function schoolCodesOf(capacities: readonly HeldCapacity[]): string[] {
  return [...new Set(capacities.flatMap((held) => ('schoolCode' in held ? held.schoolCode : [])))];
}

/** Returns the codes of the schools that the IT desk or the registrar looks after as a whole; not those of homeroom teachers. */
export function wholeSchoolCodesOf(capacities: readonly HeldCapacity[]): string[] {
  return schoolCodesOf(capacities.filter(({ capacity }) => capacity === 'it_desk' || capacity === 'registrar'));
}

/** Returns the codes of the schools of a registrar. */
export function registrarSchoolCodesOf(capacities: readonly HeldCapacity[]): string[] {
  return schoolCodesOf(capacities.filter(({ capacity }) => capacity === 'registrar'));
}

/** Returns the ids of the classes of a homeroom teacher. */
export function homeroomClassIdsOf(capacities: readonly HeldCapacity[]): string[] {
  return capacities.flatMap((held) => (held.capacity === 'homeroom_teacher' ? held.classId : []));
}

/**
 * Returns the highest capacity that a person holds today or will hold: a credential that staff set today is still valid when a duty begins
 * tomorrow.
 */
export function highestCapacity(
  memberships: readonly StaffMembership[],
  homeroomClasses: readonly HomeroomClass[],
  today: string,
): Capacity | undefined {
  const term = currentTerm(today);
  const begun = memberships.map((one) => ({ ...one, validFrom: undefined }));
  const classes = homeroomClasses.map((one) => (isTermBefore(one, term) ? one : { ...one, ...term }));
  return heldCapacities(begun, classes, today)[0]?.capacity;
}

function capacityOf({ role, duty, schoolCode, isSchoolClosed }: StaffMembership): HeldCapacity[] {
  if (role === 'bureau_admin') return [{ capacity: 'bureau_admin' }];
  if (schoolCode === undefined) return [];
  const school = ofSchool(schoolCode, { isSchoolClosed });
  if (role === 'school_admin' && duty === 'it_desk') return [{ capacity: 'it_desk', ...school }];
  if (role === 'staff' && duty === 'registrar') return [{ capacity: 'registrar', ...school }];
  return [];
}

function ofSchool(schoolCode: string, { isSchoolClosed }: { isSchoolClosed?: boolean | undefined }): OfSchool {
  return { schoolCode, ...(isSchoolClosed === true ? { isSchoolClosed } : {}) };
}
