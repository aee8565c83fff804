import {
  availableContexts,
  resolveContext,
  currentEnrollments,
  currentMemberships,
  isVisibleEnrollment,
  isVisibleMembership,
  visibleChildren,
} from '../acting/contexts.ts';
import { isActiveOn } from '../acting/guardianship.ts';
import { ROLES } from '../model.ts';
import type {
  ActingContext,
  Authority,
  Enrollment,
  Permission,
  PersonFacts,
  ClientEntitlements,
  Relation,
  Role,
  SchoolType,
} from '../model.ts';
import { claimsForScopes, allowedScopes } from './scopes.ts';
import { standardClaims } from './standard-claims.ts';

/** Class data in affiliations of students and in `children.profile`. */
export interface ClassClaims {
  year: number;
  semester: number;
  grade: number;
  classno: string;
  classtitle: string;
}

export interface Affiliation extends Partial<ClassClaims> {
  role: Role;
  school_code: string;
  school_name: string;
  school_type: SchoolType;
  primary: boolean;
}

export interface ChildClaims extends Partial<ClassClaims> {
  sub: string;
  school_code: string;
  school_type: SchoolType;
  relation: Relation;
  authority: Authority;
  permissions: Permission[];
  name?: string;
  school_name?: string;
}

/** Only `parent` has a child, relation, authority and permissions. `bureau_admin` has no school. */
export interface ActingClaim {
  role: Role;
  child?: string;
  school_code?: string;
  relation?: Relation;
  authority?: Authority;
  permissions?: Permission[];
  ctx: string;
}

/** Returns the `sub` of a person at the relying party (`pairwiseSub` with its sector). */
export type SubOf = (personId: string) => string;
/** Returns the opaque id of a context at the relying party (`contextId` with the same sector). */
export type ContextIdOf = (context: ActingContext) => string;

function classClaims(enrollment: Enrollment): ClassClaims {
  const { year, semester, grade, classno, classtitle } = enrollment;
  return { year, semester, grade, classno, classtitle };
}

/**
 * Returns the `affiliations` claim: memberships, then enrollments, at schools that the relying party may see. One of a person is primary:
 * the first membership marked as primary, otherwise the newest enrollment. Bureau roles have no school, so the claim omits them.
 */
export function affiliationsOf(facts: PersonFacts, entitlements: ClientEntitlements, today: string): Affiliation[] {
  if (!facts.isActive) return [];
  const memberships = currentMemberships(facts.memberships, today);
  const enrollments = currentEnrollments(facts.enrollments, today);
  const primaryId = (memberships.find((one) => one.isPrimary) ?? enrollments[0])?.id;
  const staff = memberships
    .filter((one) => isVisibleMembership(one, entitlements))
    .flatMap(({ id, role, school }): Affiliation[] => {
      if (role === 'bureau_admin' || school === undefined) return [];
      const { code: school_code, name: school_name, type: school_type } = school;
      return [{ role, school_code, school_name, school_type, primary: id === primaryId }];
    });
  const student = enrollments
    .filter((one) => isVisibleEnrollment(one, entitlements))
    .map((one): Affiliation => ({
      role: 'student',
      school_code: one.school.code,
      school_name: one.school.name,
      school_type: one.school.type,
      primary: one.id === primaryId,
      ...classClaims(one),
    }));
  return [...staff, ...student];
}

/**
 * Returns the `roles` claim in the order of `ROLES`. Any active guardianship gives `parent`, even if the relying party may see none of the
 * children. The other roles depend on what it may see.
 *
 * @param affiliations the result of `affiliationsOf` for the same arguments, if the caller has it
 */
export function rolesOf(
  facts: PersonFacts,
  entitlements: ClientEntitlements,
  today: string,
  affiliations: readonly Affiliation[] = affiliationsOf(facts, entitlements, today),
): Role[] {
  if (!facts.isActive) return [];
  const roles = new Set<Role>(affiliations.map(({ role }) => role));
  if (facts.children.some(({ guardianship }) => isActiveOn(guardianship, today))) roles.add('parent');
  if (currentMemberships(facts.memberships, today).some(({ role }) => role === 'bureau_admin'))
    roles.add('bureau_admin');
  return ROLES.filter((role) => roles.has(role));
}

/** Returns the `children` claim, the oldest first. `hasProfileScope` adds names and class data. */
export function childrenOf(
  facts: PersonFacts,
  entitlements: ClientEntitlements,
  today: string,
  subOf: SubOf,
  hasProfileScope: boolean,
): ChildClaims[] {
  return visibleChildren(facts, entitlements, today).map(({ child, enrollment, permissions }) => {
    const { studentId, relation, authority } = child.guardianship;
    const { code: school_code, name: school_name, type: school_type } = enrollment.school;
    const base = {
      sub: subOf(studentId),
      school_code,
      school_type,
      relation,
      authority,
      permissions: [...permissions],
    };
    return hasProfileScope ? { ...base, name: child.name, school_name, ...classClaims(enrollment) } : base;
  });
}

/**
 * Returns the `acting` claim of a granted context; undefined when the context has ended. It holds current data, so a withdrawn
 * permission is absent after the next refresh.
 */
export function buildActingClaim(
  granted: Pick<ActingContext, 'role' | 'childId' | 'schoolCode'>,
  facts: PersonFacts,
  entitlements: ClientEntitlements,
  today: string,
  subOf: SubOf,
  ctxId: ContextIdOf,
): ActingClaim | undefined {
  const context = resolveContext(availableContexts(facts, entitlements, today), granted);
  if (context === undefined) return undefined;
  const { role, childId, schoolCode } = context;
  const school = schoolCode === undefined ? {} : { school_code: schoolCode };
  if (childId === undefined) return { role, ...school, ctx: ctxId(context) };
  const [child] = childrenOf(getChild(facts, childId), entitlements, today, subOf, false);
  if (child === undefined) return undefined;
  const { sub, relation, authority, permissions } = child;
  return { role, child: sub, ...school, relation, authority, permissions, ctx: ctxId(context) };
}

function getChild(facts: PersonFacts, childId: string): PersonFacts {
  return { ...facts, children: facts.children.filter(({ guardianship }) => guardianship.studentId === childId) };
}

/** The inputs that determine the claims about a signed-in person at a relying party. */
export interface ClaimsRequest {
  facts: PersonFacts;
  entitlements: ClientEntitlements;
  /** The scopes of the grant. Scopes that the client is not registered for are ignored. */
  scopes: readonly string[];
  /** The context that was selected for this grant, if any. */
  granted: Pick<ActingContext, 'role' | 'childId' | 'schoolCode'> | undefined;
  today: string;
  subOf: SubOf;
  ctxId: ContextIdOf;
}

/** Returns all claims that the scopes of a grant release, `sub` first. The caller selects those of each token. */
export function buildClaims(request: ClaimsRequest): { sub: string } & Record<string, unknown> {
  const { facts, entitlements, granted, today, subOf, ctxId } = request;
  const scopes = allowedScopes(request.scopes, entitlements);
  const released = claimsForScopes(scopes);
  const acting =
    granted && released.has('acting') ? buildActingClaim(granted, facts, entitlements, today, subOf, ctxId) : undefined;
  const sub = subOf(facts.id);
  return {
    sub,
    ...standardClaims(facts, scopes, sub),
    ...(released.has('roles') && { roles: rolesOf(facts, entitlements, today) }),
    ...(released.has('affiliations') && { affiliations: affiliationsOf(facts, entitlements, today) }),
    ...(released.has('children') && {
      children: childrenOf(facts, entitlements, today, subOf, scopes.includes('children.profile')),
    }),
    ...(acting && { acting }),
  };
}
