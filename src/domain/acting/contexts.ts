import type {
  ActingContext,
  Child,
  Enrollment,
  Membership,
  Permission,
  PersonFacts,
  ClientEntitlements,
  School,
  SchoolType,
  StaffRole,
} from '../model.ts';
import { isActiveOn, isWithinValidity } from './guardianship.ts';
import { intersectPermissions } from './permissions.ts';

/** A child that one relying party may know of, at the school and with the permissions that it may see. */
export interface VisibleChild {
  child: Child;
  enrollment: Enrollment;
  permissions: readonly Permission[];
}

/** An identity somebody asks for or used last; it may no longer exist. */
export interface RequestedContext {
  role: string;
  childId?: string | undefined;
  schoolCode?: string | undefined;
}

const STAFF_ROLE_ORDER: readonly StaffRole[] = ['teacher', 'staff', 'school_admin', 'bureau_admin'];

/** Older children stand first in a list of siblings. Senior and vocational high are the same age. */
const SCHOOL_TYPE_RANK: Readonly<Record<SchoolType, number>> = {
  senior_high: 3,
  vocational_high: 3,
  junior_high: 2,
  elementary: 1,
  special: 0,
};

const compareText = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

/** Whether a relying party deals with this kind of school at all. */
function isAllowedSchool(school: School, entitlements: ClientEntitlements): boolean {
  return entitlements.schoolTypes.includes(school.type);
}

/** The newest term first; two schools in one term in the order of their codes. */
function compareEnrollments(a: Enrollment, b: Enrollment): number {
  return (
    b.year - a.year || b.semester - a.semester || compareText(a.school.code, b.school.code) || compareText(a.id, b.id)
  );
}

/** The enrolments that count today, the newest first, one for each school. */
export function currentEnrollments(enrollments: readonly Enrollment[], today: string): Enrollment[] {
  const sorted = enrollments.filter((enrollment) => isWithinValidity(enrollment, today)).sort(compareEnrollments);
  return sorted.filter((one, at) => sorted.findIndex((other) => other.school.code === one.school.code) === at);
}

/** The memberships that count today: by role, then the primary one, then by school; one for each role and school. */
export function currentMemberships(memberships: readonly Membership[], today: string): Membership[] {
  const place = (one: Membership): string => (one.role === 'bureau_admin' ? '' : (one.school?.code ?? ''));
  const sorted = memberships
    .filter((one) => isWithinValidity(one, today) && (one.role === 'bureau_admin' || one.school !== undefined))
    .sort(
      (a, b) =>
        STAFF_ROLE_ORDER.indexOf(a.role) - STAFF_ROLE_ORDER.indexOf(b.role) ||
        Number(b.primary) - Number(a.primary) ||
        compareText(place(a), place(b)) ||
        compareText(a.id, b.id),
    );
  const same = (a: Membership, b: Membership): boolean => a.role === b.role && place(a) === place(b);
  return sorted.filter((one, at) => sorted.findIndex((other) => same(one, other)) === at);
}

/** Whether a membership shows at a relying party: its school must be of an allowed type; the bureau has no school. */
export function isVisibleMembership(membership: Membership, entitlements: ClientEntitlements): boolean {
  if (membership.role === 'bureau_admin') return true;
  return membership.school !== undefined && isAllowedSchool(membership.school, entitlements);
}

/** Whether an enrolment shows at a relying party. */
export function isVisibleEnrollment(enrollment: Enrollment, entitlements: ClientEntitlements): boolean {
  return isAllowedSchool(enrollment.school, entitlements);
}

function visibleChild(child: Child, entitlements: ClientEntitlements, today: string): VisibleChild | undefined {
  if (!isActiveOn(child.guardianship, today)) return undefined;
  const enrollment = currentEnrollments(child.enrollments, today).find((one) => isVisibleEnrollment(one, entitlements));
  const permissions = intersectPermissions(child.guardianship.permissions, entitlements.permissions);
  return enrollment && permissions.length > 0 ? { child, enrollment, permissions } : undefined;
}

function compareChildren(a: VisibleChild, b: VisibleChild): number {
  return (
    SCHOOL_TYPE_RANK[b.enrollment.school.type] - SCHOOL_TYPE_RANK[a.enrollment.school.type] ||
    b.enrollment.grade - a.enrollment.grade ||
    compareText(a.child.guardianship.studentId, b.child.guardianship.studentId)
  );
}

/**
 * The children that a relying party may see (docs/claims.md, rules 4 and 5): guardianship in force, enrolled in a school of an
 * allowed type, at least one permission left. A child that fails any of it is simply not there. Older children stand first.
 */
export function visibleChildren(facts: PersonFacts, entitlements: ClientEntitlements, today: string): VisibleChild[] {
  if (!facts.active) return [];
  return facts.children
    .map((child) => visibleChild(child, entitlements, today))
    .filter((child) => child !== undefined)
    .sort(compareChildren);
}

function staffContexts(facts: PersonFacts, entitlements: ClientEntitlements, today: string): ActingContext[] {
  return currentMemberships(facts.memberships, today)
    .filter((one) => isVisibleMembership(one, entitlements))
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
export function availableContexts(
  facts: PersonFacts,
  entitlements: ClientEntitlements,
  today: string,
): ActingContext[] {
  if (!facts.active) return [];
  const parents = visibleChildren(facts, entitlements, today).map(({ child, enrollment }): ActingContext => {
    const { id, studentId } = child.guardianship;
    return { role: 'parent', schoolCode: enrollment.school.code, childId: studentId, basisId: id };
  });
  const students = currentEnrollments(facts.enrollments, today)
    .filter((one) => isVisibleEnrollment(one, entitlements))
    .map((one): ActingContext => ({
      role: 'student',
      schoolCode: one.school.code,
      childId: undefined,
      basisId: one.id,
    }));
  return [...staffContexts(facts, entitlements, today), ...parents, ...students];
}

/** A choice is offered only where there is one (docs/claims.md, rule 7). */
export function requiresSelection(contexts: readonly ActingContext[]): boolean {
  return contexts.length > 1;
}

function matchesRequest(context: ActingContext, wanted: RequestedContext): boolean {
  if (context.role !== wanted.role) return false;
  if (wanted.childId !== undefined) return context.childId === wanted.childId;
  return wanted.schoolCode === undefined || context.schoolCode === wanted.schoolCode;
}

/**
 * The identity that is asked for or was used last. A child says it all: it is found again after a change of school.
 * Undefined when there is none, or when the wish fits several (`parent` of two children): then the person is asked.
 */
export function findContext(contexts: readonly ActingContext[], wanted: RequestedContext): ActingContext | undefined {
  const found = contexts.filter((context) => matchesRequest(context, wanted));
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
export function resolveContext(
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
  return resolveContext(contexts, held) !== undefined;
}
