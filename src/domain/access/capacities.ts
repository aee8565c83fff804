import { isWithinValidity } from '../acting/guardianship.ts';
import type { Validity } from '../model.ts';
import { currentTerm, isSameTerm, type Term } from '../term.ts';

/** The capacities of console staff, the lowest first. A capacity gives power over people within its scope (docs/access-policy.md). */
export const CAPACITIES = ['homeroom_teacher', 'registrar', 'it_desk', 'bureau_admin'] as const;
export type Capacity = (typeof CAPACITIES)[number];

/** A capacity with the class or school that limits it. */
export type HeldCapacity =
  | { capacity: 'homeroom_teacher'; classId: string; schoolCode: string }
  | { capacity: 'registrar' | 'it_desk'; schoolCode: string }
  | { capacity: 'bureau_admin' };

/** A staff membership as far as capacities depend on it. */
export interface StaffMembership extends Validity {
  role: string;
  duty: string | undefined;
  schoolCode: string | undefined;
}

/** A class with this person as its homeroom teacher. */
export interface HomeroomClass extends Term {
  id: string;
  schoolCode: string;
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
    .map(({ id, schoolCode }) => ({ capacity: 'homeroom_teacher' as const, classId: id, schoolCode }));
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

/** Returns the ids of the classes of a homeroom teacher. */
export function homeroomClassIdsOf(capacities: readonly HeldCapacity[]): string[] {
  return capacities.flatMap((held) => (held.capacity === 'homeroom_teacher' ? held.classId : []));
}

function capacityOf({ role, duty, schoolCode }: StaffMembership): HeldCapacity[] {
  if (role === 'bureau_admin') return [{ capacity: 'bureau_admin' }];
  if (schoolCode === undefined) return [];
  if (role === 'school_admin' && duty === 'it_desk') return [{ capacity: 'it_desk', schoolCode }];
  if (role === 'staff' && duty === 'registrar') return [{ capacity: 'registrar', schoolCode }];
  return [];
}
