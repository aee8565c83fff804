import type {
  ActingContext,
  Child,
  Enrollment,
  Membership,
  Permission,
  PersonFacts,
  ClientEntitlements,
  Role,
  School,
  StaffRole,
} from '../model.ts';
import { compareText } from '../text.ts';
import { isActiveOn, isWithinValidity } from './guardianship.ts';
import { intersectPermissions } from './permissions.ts';
import { sortOldestFirst } from './siblings.ts';

/** A child that one relying party may see, with its enrollment and the permissions there. */
export interface VisibleChild {
  child: Child;
  enrollment: Enrollment;
  permissions: readonly Permission[];
}

/** A context that an app requests or a person used last. It may no longer exist. */
export interface RequestedContext {
  role: string;
  childId?: string | undefined;
  schoolCode?: string | undefined;
}

const STAFF_ROLE_ORDER: readonly StaffRole[] = ['teacher', 'staff', 'school_admin', 'bureau_admin'];

/** Returns true if a relying party is registered for this type of school. */
function isAllowedSchool(school: School, entitlements: ClientEntitlements): boolean {
  return entitlements.schoolTypes.includes(school.type);
}

/** The facts that decide which enrollments are current. */
type TermOfSchool = Pick<Enrollment, 'id' | 'year' | 'semester' | 'validFrom' | 'validTo'> & {
  school: Pick<School, 'code'>;
};

/** Sorts the newest term first, then by school code. */
function compareEnrollments(a: TermOfSchool, b: TermOfSchool): number {
  return (
    b.year - a.year || b.semester - a.semester || compareText(a.school.code, b.school.code) || compareText(a.id, b.id)
  );
}

/** Returns the enrollments that are valid today: the newest first, one per school. */
export function currentEnrollments<T extends TermOfSchool>(enrollments: readonly T[], today: string): T[] {
  const sorted = enrollments.filter((enrollment) => isWithinValidity(enrollment, today)).sort(compareEnrollments);
  return sorted.filter((one, at) => sorted.findIndex((other) => other.school.code === one.school.code) === at);
}

/** Returns the memberships that are valid today, one per role and school: by role, then the primary one, then by school. */
export function currentMemberships(memberships: readonly Membership[], today: string): Membership[] {
  const place = (one: Membership): string => (one.role === 'bureau_admin' ? '' : (one.school?.code ?? ''));
  const sorted = memberships
    .filter((one) => isWithinValidity(one, today) && (one.role === 'bureau_admin' || one.school !== undefined))
    .sort(
      (a, b) =>
        STAFF_ROLE_ORDER.indexOf(a.role) - STAFF_ROLE_ORDER.indexOf(b.role) ||
        Number(b.isPrimary) - Number(a.isPrimary) ||
        compareText(place(a), place(b)) ||
        compareText(a.id, b.id),
    );
  const isSame = (a: Membership, b: Membership): boolean => a.role === b.role && place(a) === place(b);
  return sorted.filter((one, at) => sorted.findIndex((other) => isSame(one, other)) === at);
}

/** Returns true if a relying party may see a membership: at a school of an allowed type, or at the bureau. */
export function isVisibleMembership(membership: Membership, entitlements: ClientEntitlements): boolean {
  if (membership.role === 'bureau_admin') return true;
  return membership.school !== undefined && isAllowedSchool(membership.school, entitlements);
}

/** Returns true if a relying party may see an enrollment. */
export function isVisibleEnrollment(enrollment: Enrollment, entitlements: ClientEntitlements): boolean {
  return isAllowedSchool(enrollment.school, entitlements);
}

/** Reasons why a relying party does not see a child of an active guardianship. */
export const HIDDEN_REASONS = ['not_enrolled', 'school_type', 'permissions'] as const;
type HiddenReason = (typeof HIDDEN_REASONS)[number];

function judgeChild(child: Child, entitlements: ClientEntitlements, today: string): VisibleChild | HiddenReason {
  const enrollments = currentEnrollments(child.enrollments, today);
  if (enrollments.length === 0) return 'not_enrolled';
  const enrollment = enrollments.find((one) => isVisibleEnrollment(one, entitlements));
  if (enrollment === undefined) return 'school_type';
  const permissions = intersectPermissions(child.guardianship.permissions, entitlements.permissions);
  return permissions.length > 0 ? { child, enrollment, permissions } : 'permissions';
}

function visibleChild(child: Child, entitlements: ClientEntitlements, today: string): VisibleChild | undefined {
  if (!isActiveOn(child.guardianship, today)) return undefined;
  const judged = judgeChild(child, entitlements, today);
  return typeof judged === 'string' ? undefined : judged;
}

/**
 * Returns why a relying party does not see a child; undefined if it does. A guardianship that is not active has no reason: a suspended
 * guardian is told none (docs/claims.md, rule 5).
 */
export function findHiddenReason(
  child: Child,
  entitlements: ClientEntitlements,
  today: string,
): HiddenReason | undefined {
  if (!isActiveOn(child.guardianship, today)) return undefined;
  const judged = judgeChild(child, entitlements, today);
  return typeof judged === 'string' ? judged : undefined;
}

/**
 * Returns the children that a relying party may see (docs/claims.md, rules 4 and 5), the oldest first. Each has an active guardianship,
 * an enrollment in a school of an allowed type, and at least one permission.
 */
export function visibleChildren(facts: PersonFacts, entitlements: ClientEntitlements, today: string): VisibleChild[] {
  if (!facts.isActive) return [];
  return sortOldestFirst(facts.children)
    .map((child) => visibleChild(child, entitlements, today))
    .filter((child) => child !== undefined);
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
 * Returns the contexts of a person at a relying party, in the order of the page: those in the roles that it serves. A disabled person has
 * none.
 */
export function availableContexts(
  facts: PersonFacts,
  entitlements: ClientEntitlements,
  today: string,
): ActingContext[] {
  if (!facts.isActive) return [];
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
  const all = [...staffContexts(facts, entitlements, today), ...parents, ...students];
  return all.filter(({ role }) => entitlements.roles?.includes(role) ?? true);
}

/** Returns the roles that a person has and a relying party does not serve, in the order of the page. */
export function findUnservedRoles(facts: PersonFacts, entitlements: ClientEntitlements, today: string): Role[] {
  const all = availableContexts(facts, { ...entitlements, roles: undefined }, today);
  return [...new Set(all.map(({ role }) => role))].filter((role) => entitlements.roles?.includes(role) === false);
}

/** Returns true if a relying party has something for a person. One that asks for no roles and no children serves everyone. */
export function isServed(facts: PersonFacts, entitlements: ClientEntitlements, today: string): boolean {
  const needsContext = entitlements.scopes.includes('roles') || entitlements.scopes.includes('children');
  return !needsContext || availableContexts(facts, entitlements, today).length > 0;
}

/** Returns true if a person has to select one of several contexts (docs/claims.md, rule 7). */
export function requiresSelection(contexts: readonly ActingContext[]): boolean {
  return contexts.length > 1;
}

function matchesRequest(context: ActingContext, requested: RequestedContext): boolean {
  if (context.role !== requested.role) return false;
  if (requested.childId !== undefined) return context.childId === requested.childId;
  return requested.schoolCode === undefined || context.schoolCode === requested.schoolCode;
}

/**
 * Finds the requested context. A child is found again after a change of school, because its school does not count.
 *
 * @returns undefined when no context matches, or several do (`parent` of two children); the person then selects one
 */
export function findContext(
  contexts: readonly ActingContext[],
  requested: RequestedContext,
): ActingContext | undefined {
  const found = contexts.filter((context) => matchesRequest(context, requested));
  return found.length === 1 ? found[0] : undefined;
}

/** Finds the context that a relying party requests by the `acting` claim. `child` is the `sub` of the child there (docs/claims.md, rule 7). */
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

/** Returns the current state of a granted context, possibly at another school; undefined when it has ended. Tokens contain this state. */
export function resolveContext(
  contexts: readonly ActingContext[],
  granted: Pick<ActingContext, 'role' | 'childId' | 'schoolCode'>,
): ActingContext | undefined {
  return contexts.find(
    (context) =>
      context.role === granted.role &&
      context.childId === granted.childId &&
      (granted.childId !== undefined || context.schoolCode === granted.schoolCode),
  );
}

/** Returns true if a granted context still exists. Every refresh checks it (docs/claims.md, rule 8). */
export function isStillAvailable(
  contexts: readonly ActingContext[],
  granted: Pick<ActingContext, 'role' | 'childId' | 'schoolCode'>,
): boolean {
  return resolveContext(contexts, granted) !== undefined;
}
