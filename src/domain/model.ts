/**
 * The facts about people, as plain data. The store loads them, and the rules in this folder evaluate them. Dates are ISO strings
 * (`2026-11-23`) in the time zone of the city. Instants are milliseconds since 1970.
 */

export const ROLES = ['parent', 'student', 'teacher', 'staff', 'school_admin', 'bureau_admin'] as const;
export type Role = (typeof ROLES)[number];
export type StaffRole = Exclude<Role, 'parent' | 'student'>;

export const SCHOOL_TYPES = ['elementary', 'junior_high', 'senior_high', 'vocational_high', 'special'] as const;
export type SchoolType = (typeof SCHOOL_TYPES)[number];

export const RELATIONS = ['parent', 'guardian', 'foster', 'caregiver'] as const;
export type Relation = (typeof RELATIONS)[number];

export const AUTHORITIES = ['statutory', 'court', 'agency', 'delegated'] as const;
export type Authority = (typeof AUTHORITIES)[number];

export const PERMISSIONS = [
  'portfolio:read',
  'grades:read',
  'attendance:read',
  'leave:request',
  'notice:read',
  'notice:reply',
  'fees:read',
  'fees:pay',
  'health:read',
  'consent:give',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

export const GUARDIANSHIP_STATES = ['active', 'suspended', 'revoked', 'expired'] as const;
export type GuardianshipState = (typeof GUARDIANSHIP_STATES)[number];

export interface School {
  /** Six digits as a string; leading zeros count. */
  code: string;
  name: string;
  nameEn: string;
  type: SchoolType;
}

/** A range of days, first and last day included; `undefined` is open. */
export interface Validity {
  validFrom: string | undefined;
  validTo: string | undefined;
}

export interface Enrollment extends Validity {
  id: string;
  studentId: string;
  school: School;
  /** Academic year and semester, `115-1` → 115 and 1. */
  year: number;
  semester: number;
  grade: number;
  /** Class number inside the school, as printed: `203`. */
  classno: string;
  classtitle: string;
  seat: number;
}

export interface Membership extends Validity {
  id: string;
  personId: string;
  role: StaffRole;
  /** Bureau administrators belong to no school. */
  school: School | undefined;
  isPrimary: boolean;
}

export interface Guardianship extends Validity {
  id: string;
  guardianId: string;
  studentId: string;
  relation: Relation;
  authority: Authority;
  permissions: readonly Permission[];
  state: GuardianshipState;
}

/** A guardianship with the facts about its child. */
export interface Child {
  guardianship: Guardianship;
  name: string;
  /** Sorts siblings. No claim and no page contains it. */
  birthDate: string | undefined;
  /** The child's current enrollments; most children have exactly one. */
  enrollments: readonly Enrollment[];
}

export interface Identifier {
  kind: 'email' | 'mobile' | 'account';
  /** Normalized: what comparisons use. */
  value: string;
  isVerified: boolean;
}

/** The facts about one person, read in one transaction. */
export interface PersonFacts {
  id: string;
  name: string;
  /** The language of mails and of the claim `locale`. */
  locale: string | undefined;
  /** The person chose the language. Otherwise it is an assumption, and pages prefer the language of the browser. */
  isLocaleChosen: boolean;
  isActive: boolean;
  /** The account of a family inside one school (`P` + student number). It has no role. */
  isSchoolAccount: boolean;
  /** The person had the sharing of data with relying parties stopped. */
  isSharingStopped: boolean;
  createdAt: number;
  updatedAt: number;
  /** The number that the directory derives `uidNumber` from. */
  directoryNumber?: number;
  identifiers: readonly Identifier[];
  memberships: readonly Membership[];
  enrollments: readonly Enrollment[];
  children: readonly Child[];
}

/** The scopes, school types and permissions that a client is registered for: the upper bound of the claims it receives. */
export interface ClientEntitlements {
  scopes: readonly string[];
  schoolTypes: readonly SchoolType[];
  permissions: readonly Permission[];
  /** Roles in which people can act at the client; undefined: all. */
  roles?: readonly Role[] | undefined;
}

/** A role, with its school or child, in which a person can act at a relying party. */
export interface ActingContext {
  role: Role;
  schoolCode: string | undefined;
  /** Person id of the child; only with role `parent`. */
  childId: string | undefined;
  /** Id of the guardianship, membership or enrollment behind the context. The context ends with it. */
  basisId: string;
}
