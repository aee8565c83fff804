import type { Authority, GuardianshipState, Permission, Relation, StaffRole } from '../../src/domain/model.ts';
import type { CitySchool } from './schools.ts';

/** The academic session of the demo city: 115-1, August 2026 to January 2027. */
export const TERM = { year: 115, semester: 1, lastDay: '2027-01-31' } as const;

/** The credential of a person when the city is created. */
export type Credential =
  | { kind: 'none' }
  /** Signed in before, with the password of the demo. */
  | { kind: 'own' }
  /** Never signed in. */
  | { kind: 'first'; password: string };

export interface CityLogin {
  kind: 'email' | 'mobile' | 'account' | 'school_account';
  value: string;
  /** School code of a school account, otherwise empty. */
  scope: string;
}

export interface CityPerson {
  id: string;
  kind: 'person' | 'school_account';
  name: string;
  locale: string;
  nationalId: string | undefined;
  /** `YYYY-MM-DD`; unknown for offices and school accounts. */
  birthDate: string | undefined;
  logins: readonly CityLogin[];
  credential: Credential;
}

export interface CityClass {
  id: string;
  schoolCode: string;
  grade: number;
  classno: string;
  classtitle: string;
  homeroomTeacherId: string | undefined;
}

export interface CityEnrollment {
  id: string;
  studentId: string;
  classId: string;
  schoolCode: string;
  studentNumber: string;
  seat: number;
}

export interface CityMembership {
  id: string;
  personId: string;
  schoolCode: string | undefined;
  role: StaffRole;
  duty: string | undefined;
}

export interface CityGuardianship {
  id: string;
  guardianId: string;
  studentId: string;
  relation: Relation;
  relationLabel: string;
  authority: Authority;
  permissions: readonly Permission[];
  state: GuardianshipState;
  stateReason: string | undefined;
  validTo: string | undefined;
}

export interface CitySchoolAccount {
  personId: string;
  studentId: string;
  schoolCode: string;
}

/** A part of the city. Its references point to rows of the same batch or of an earlier one. */
export interface CityBatch {
  schools: CitySchool[];
  persons: CityPerson[];
  classes: CityClass[];
  enrollments: CityEnrollment[];
  memberships: CityMembership[];
  guardianships: CityGuardianship[];
  schoolAccounts: CitySchoolAccount[];
}

export function createEmptyBatch(): CityBatch {
  return {
    schools: [],
    persons: [],
    classes: [],
    enrollments: [],
    memberships: [],
    guardianships: [],
    schoolAccounts: [],
  };
}
