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

/** Class data, as it stands in affiliations of students and in `children.profile`. */
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

/** Keys that do not apply are left out: `child` and what follows stand only with `parent`, the bureau has no school. */
export interface ActingClaim {
  role: Role;
  child?: string;
  school_code?: string;
  relation?: Relation;
  authority?: Authority;
  permissions?: Permission[];
  ctx: string;
}

/** Person id → the `sub` of that person at the relying party (`pairwiseSub` with its sector). */
export type SubOf = (personId: string) => string;
/** An identity → its opaque id there (`contextId` with the same sector). */
export type ContextIdOf = (context: ActingContext) => string;

function classClaims(enrollment: Enrollment): ClassClaims {
  const { year, semester, grade, classno, classtitle } = enrollment;
  return { year, semester, grade, classno, classtitle };
}

/**
 * `affiliations`: memberships, then enrolments, at the schools that the relying party deals with. Exactly one of a person is
 * primary: the first membership marked so, otherwise the newest enrolment. The bureau is a role without a school, so it is
 * not here.
 */
export function affiliationsOf(facts: PersonFacts, entitlements: ClientEntitlements, today: string): Affiliation[] {
  if (!facts.active) return [];
  const memberships = currentMemberships(facts.memberships, today);
  const enrollments = currentEnrollments(facts.enrollments, today);
  const primaryId = (memberships.find((one) => one.primary) ?? enrollments[0])?.id;
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
 * `roles`, in the order of the vocabulary, each once. `parent` rests on any guardianship in force, even if this relying party
 * sees none of the children; the other roles rest on what it may see.
 */
export function rolesOf(facts: PersonFacts, entitlements: ClientEntitlements, today: string): Role[] {
  if (!facts.active) return [];
  const held = new Set<Role>(affiliationsOf(facts, entitlements, today).map(({ role }) => role));
  if (facts.children.some(({ guardianship }) => isActiveOn(guardianship, today))) held.add('parent');
  if (currentMemberships(facts.memberships, today).some(({ role }) => role === 'bureau_admin'))
    held.add('bureau_admin');
  return ROLES.filter((role) => held.has(role));
}

/** `children`, the older first; names and class data only `withProfile`. */
export function childrenOf(
  facts: PersonFacts,
  entitlements: ClientEntitlements,
  today: string,
  subOf: SubOf,
  withProfile: boolean,
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
    return withProfile ? { ...base, name: child.name, school_name, ...classClaims(enrollment) } : base;
  });
}

/**
 * `acting`: the held identity as it stands today, or undefined when it has ended. What is released is always read anew, so a
 * shortened permission shows at the next refresh.
 */
export function buildActingClaim(
  held: Pick<ActingContext, 'role' | 'childId' | 'schoolCode'>,
  facts: PersonFacts,
  entitlements: ClientEntitlements,
  today: string,
  subOf: SubOf,
  ctxId: ContextIdOf,
): ActingClaim | undefined {
  const context = resolveContext(availableContexts(facts, entitlements, today), held);
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

/** Everything that decides what a relying party is told about the person who signed in. */
export interface ClaimsRequest {
  facts: PersonFacts;
  entitlements: ClientEntitlements;
  /** The scopes of the grant; what is not registered is ignored. */
  scopes: readonly string[];
  /** The identity that was chosen for this grant, if one was. */
  granted: Pick<ActingContext, 'role' | 'childId' | 'schoolCode'> | undefined;
  today: string;
  subOf: SubOf;
  ctxId: ContextIdOf;
}

/** All claims that the scopes of a grant release, `sub` first. Which of them stand in which token is the caller's business. */
export function buildClaims(request: ClaimsRequest): { sub: string } & Record<string, unknown> {
  const { facts, entitlements, granted, today, subOf, ctxId } = request;
  const scopes = allowedScopes(request.scopes, entitlements);
  const released = claimsForScopes(scopes);
  const acting =
    granted && released.has('acting') ? buildActingClaim(granted, facts, entitlements, today, subOf, ctxId) : undefined;
  return {
    sub: subOf(facts.id),
    ...standardClaims(facts, scopes),
    ...(released.has('roles') && { roles: rolesOf(facts, entitlements, today) }),
    ...(released.has('affiliations') && { affiliations: affiliationsOf(facts, entitlements, today) }),
    ...(released.has('children') && {
      children: childrenOf(facts, entitlements, today, subOf, scopes.includes('children.profile')),
    }),
    ...(acting && { acting }),
  };
}
