/** Facts of people of the demo city with short ids, for tests of the domain. */
import { defaultPermissions } from '../../src/domain/acting/permissions.ts';
import { SCHOOL_TYPES } from '../../src/domain/model.ts';
import type {
  Child,
  Enrollment,
  Guardianship,
  Membership,
  PersonFacts,
  ClientEntitlements,
  School,
  StaffRole,
} from '../../src/domain/model.ts';

export const TODAY = '2026-11-23';

const school = (code: string, name: string, nameEn: string, type: School['type']): School => ({
  code,
  name,
  nameEn,
  type,
});
export const SCHOOLS = {
  high: school('993301', '示範高中', 'Demo High School', 'senior_high'),
  otherHigh: school('993302', '明德高中', 'Mingde High School', 'senior_high'),
  vocational: school('993401', '示範高工', 'Demo Vocational High School', 'vocational_high'),
  junior: school('993501', '示範國中', 'Demo Junior High School', 'junior_high'),
  elementary: school('993601', '示範國小', 'Demo Elementary School', 'elementary'),
};

export const PORTFOLIO: ClientEntitlements = {
  scopes: ['openid', 'profile', 'roles', 'children', 'children.profile'],
  schoolTypes: ['senior_high', 'vocational_high'],
  permissions: ['portfolio:read'],
};
export const PAYMENT: ClientEntitlements = {
  scopes: ['openid', 'profile', 'email', 'roles', 'children', 'children.profile'],
  schoolTypes: SCHOOL_TYPES,
  permissions: ['fees:read', 'fees:pay'],
};

const OPEN = { validFrom: undefined, validTo: undefined };

export function enrollment(id: string, studentId: string, at: School, more: Partial<Enrollment> = {}): Enrollment {
  const base = { year: 115, semester: 1, grade: 2, classno: '203', classtitle: '二年三班', seat: 5 };
  return { id, studentId, school: at, ...base, ...OPEN, ...more };
}

export function membership(
  id: string,
  role: StaffRole,
  at: School | undefined,
  more: Partial<Membership> = {},
): Membership {
  return { id, personId: 'X', role, school: at, isPrimary: false, ...OPEN, ...more };
}

export function childOf(
  studentId: string,
  name: string,
  more: Partial<Guardianship> = {},
  enrollments: readonly Enrollment[] = [enrollment(`e-${studentId}`, studentId, SCHOOLS.high)],
): Child {
  const authority = more.authority ?? 'statutory';
  const guardianship: Guardianship = {
    id: `g-${studentId}`,
    guardianId: 'G',
    studentId,
    relation: 'parent',
    authority,
    permissions: defaultPermissions(authority),
    state: 'active',
    ...OPEN,
    ...more,
  };
  return { guardianship, name, birthDate: undefined, enrollments };
}

export function facts(id: string, more: Partial<PersonFacts> = {}): PersonFacts {
  return {
    id,
    name: '示範人',
    locale: undefined,
    isLocaleChosen: false,
    isActive: true,
    isSchoolAccount: false,
    isSharingStopped: false,
    createdAt: Date.UTC(2026, 8, 1),
    updatedAt: Date.UTC(2026, 10, 20) + 999,
    identifiers: [],
    memberships: [],
    enrollments: [],
    children: [],
    ...more,
  };
}

export const G2 = facts('G2', {
  name: '李美玲',
  locale: 'zh-TW',
  identifiers: [
    { kind: 'email', value: 'meiling.li@parents.example', isVerified: true },
    { kind: 'mobile', value: '+886900000102', isVerified: false },
  ],
  children: [
    childOf('S2', '王小樂', {}, [
      enrollment('e-S2', 'S2', SCHOOLS.elementary, { grade: 5, classno: '501', classtitle: '五年一班', seat: 12 }),
    ]),
    childOf('S1', '王小安'),
  ],
});

export const T1 = facts('T1', {
  name: '陳淑芬',
  identifiers: [
    { kind: 'account', value: 'shufen.chen', isVerified: true },
    { kind: 'email', value: 'shufen.chen@school.example', isVerified: true },
  ],
  memberships: [membership('m-T1', 'teacher', SCHOOLS.otherHigh, { isPrimary: true })],
  children: [childOf('S3', '陳以恩')],
});

const S5 = [enrollment('e-S5', 'S5', SCHOOLS.vocational, { grade: 1, classno: '105', classtitle: '一年五班' })];
export const G3 = facts('G3', { name: '周建國', children: [childOf('S5', '周子晴', { state: 'suspended' }, S5)] });
export const G4 = facts('G4', {
  name: '周林秀',
  children: [childOf('S5', '周子晴', { relation: 'caregiver', authority: 'delegated', validTo: '2027-01-20' }, S5)],
});
