import type {
  ActingContext,
  Child,
  Enrolment,
  Membership,
  Permission,
  PersonFacts,
  Registration,
  School,
  SchoolType,
  StaffRole,
} from '../model.ts';
import { isInForce, isValid } from './guardianship.ts';
import { intersectPermissions } from './permissions.ts';

/** A child that one relying party may know of, at the school and with the permissions that it may see. */
export interface VisibleChild {
  child: Child;
  enrolment: Enrolment;
  permissions: readonly Permission[];
}

/** An identity somebody asks for or used last; it may no longer exist. */
export interface WantedContext {
  role: string;
  childId?: string | undefined;
  schoolCode?: string | undefined;
}

const STAFF_ORDER: readonly StaffRole[] = ['teacher', 'staff', 'school_admin', 'bureau_admin'];

/** Older children stand first in a list of siblings. Senior and vocational high are the same age. */
const AGE_RANK: Readonly<Record<SchoolType, number>> = {
  senior_high: 3,
  vocational_high: 3,
  junior_high: 2,
  elementary: 1,
  special: 0,
};

const compareText = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

/** Whether a relying party deals with this kind of school at all. */
function isAllowedSchool(school: School, registration: Registration): boolean {
  return registration.schoolTypes.includes(school.type);
}

/** The newest term first; two schools in one term in the order of their codes. */
function compareEnrolments(a: Enrolment, b: Enrolment): number {
  return (
    b.year - a.year || b.semester - a.semester || compareText(a.school.code, b.school.code) || compareText(a.id, b.id)
  );
}

/** The enrolments that count today, the newest first, one for each school. */
export function currentEnrolments(enrolments: readonly Enrolment[], today: string): Enrolment[] {
  const sorted = enrolments.filter((enrolment) => isValid(enrolment, today)).sort(compareEnrolments);
  return sorted.filter((one, at) => sorted.findIndex((other) => other.school.code === one.school.code) === at);
}

/** The memberships that count today: by role, then the primary one, then by school; one for each role and school. */
export function currentMemberships(memberships: readonly Membership[], today: string): Membership[] {
  const place = (one: Membership): string => (one.role === 'bureau_admin' ? '' : (one.school?.code ?? ''));
  const sorted = memberships
    .filter((one) => isValid(one, today) && (one.role === 'bureau_admin' || one.school !== undefined))
    .sort(
      (a, b) =>
        STAFF_ORDER.indexOf(a.role) - STAFF_ORDER.indexOf(b.role) ||
        Number(b.primary) - Number(a.primary) ||
        compareText(place(a), place(b)) ||
        compareText(a.id, b.id),
    );
  const same = (a: Membership, b: Membership): boolean => a.role === b.role && place(a) === place(b);
  return sorted.filter((one, at) => sorted.findIndex((other) => same(one, other)) === at);
}

/** Whether a membership shows at a relying party: its school must be of an allowed type; the bureau has no school. */
export function isVisibleMembership(membership: Membership, registration: Registration): boolean {
  if (membership.role === 'bureau_admin') return true;
  return membership.school !== undefined && isAllowedSchool(membership.school, registration);
}

/** Whether an enrolment shows at a relying party. */
export function isVisibleEnrolment(enrolment: Enrolment, registration: Registration): boolean {
  return isAllowedSchool(enrolment.school, registration);
}

function visibleChild(child: Child, registration: Registration, today: string): VisibleChild | undefined {
  if (!isInForce(child.guardianship, today)) return undefined;
  const enrolment = currentEnrolments(child.enrolments, today).find((one) => isVisibleEnrolment(one, registration));
  const permissions = intersectPermissions(child.guardianship.permissions, registration.permissions);
  return enrolment && permissions.length > 0 ? { child, enrolment, permissions } : undefined;
}

function compareChildren(a: VisibleChild, b: VisibleChild): number {
  return (
    AGE_RANK[b.enrolment.school.type] - AGE_RANK[a.enrolment.school.type] ||
    b.enrolment.grade - a.enrolment.grade ||
    compareText(a.child.guardianship.studentId, b.child.guardianship.studentId)
  );
}

/**
 * The children that a relying party may see (docs/claims.md, rules 4 and 5): guardianship in force, enrolled in a school of an
 * allowed type, at least one permission left. A child that fails any of it is simply not there. Older children stand first.
 */
export function visibleChildren(facts: PersonFacts, registration: Registration, today: string): VisibleChild[] {
  if (!facts.active) return [];
  return facts.children
    .map((child) => visibleChild(child, registration, today))
    .filter((child) => child !== undefined)
    .sort(compareChildren);
}

function staffContexts(facts: PersonFacts, registration: Registration, today: string): ActingContext[] {
  return currentMemberships(facts.memberships, today)
    .filter((one) => isVisibleMembership(one, registration))
    .map((one) => ({
      role: one.role,
      schoolCode: one.role === 'bureau_admin' ? undefined : one.school?.code,
      childId: undefined,
      basisId: one.id,
    }));
}

/**
 * Every identity that a person can take at a relying party, in the order in which a page lists them. Empty when there is none.
 * A disabled person has none.
 */
export function availableContexts(facts: PersonFacts, registration: Registration, today: string): ActingContext[] {
  if (!facts.active) return [];
  const parents = visibleChildren(facts, registration, today).map(({ child, enrolment }): ActingContext => {
    const { id, studentId } = child.guardianship;
    return { role: 'parent', schoolCode: enrolment.school.code, childId: studentId, basisId: id };
  });
  const students = currentEnrolments(facts.enrolments, today)
    .filter((one) => isVisibleEnrolment(one, registration))
    .map((one): ActingContext => ({
      role: 'student',
      schoolCode: one.school.code,
      childId: undefined,
      basisId: one.id,
    }));
  return [...staffContexts(facts, registration, today), ...parents, ...students];
}

/** A choice is offered only where there is one (docs/claims.md, rule 7). */
export function needsChoice(contexts: readonly ActingContext[]): boolean {
  return contexts.length > 1;
}

function isWanted(context: ActingContext, wanted: WantedContext): boolean {
  if (context.role !== wanted.role) return false;
  if (wanted.childId !== undefined) return context.childId === wanted.childId;
  return wanted.schoolCode === undefined || context.schoolCode === wanted.schoolCode;
}

/**
 * The identity that is asked for or was used last. A child says it all: it is found again after a change of school.
 * Undefined when there is none, or when the wish fits several (`parent` of two children): then the person is asked.
 */
export function findContext(contexts: readonly ActingContext[], wanted: WantedContext): ActingContext | undefined {
  const found = contexts.filter((context) => isWanted(context, wanted));
  return found.length === 1 ? found[0] : undefined;
}

/**
 * The identity that a relying party asks for by the `acting` claim, where the child is named by its `sub` at that party
 * (docs/claims.md, rule 7).
 */
export function findRequestedContext(
  contexts: readonly ActingContext[],
  requested: { role: string; child?: string | undefined; schoolCode?: string | undefined },
  subOf: (personId: string) => string,
): ActingContext | undefined {
  const { role, child, schoolCode } = requested;
  if (child === undefined) return findContext(contexts, { role, schoolCode });
  const found = contexts.find((context) => context.childId !== undefined && subOf(context.childId) === child);
  return found?.role === role ? found : undefined;
}

/** A held identity as it stands today, perhaps at another school; undefined when it has ended. Release what this returns. */
export function currentContext(
  contexts: readonly ActingContext[],
  held: Pick<ActingContext, 'role' | 'childId' | 'schoolCode'>,
): ActingContext | undefined {
  return contexts.find(
    (context) =>
      context.role === held.role &&
      context.childId === held.childId &&
      (held.childId !== undefined || context.schoolCode === held.schoolCode),
  );
}

/** Whether a held identity still exists; asked at every refresh (docs/claims.md, rule 8). */
export function isStillAvailable(
  contexts: readonly ActingContext[],
  held: Pick<ActingContext, 'role' | 'childId' | 'schoolCode'>,
): boolean {
  return currentContext(contexts, held) !== undefined;
}
