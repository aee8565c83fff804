/** The named people of the demo city. Documents and tests refer to them. */
import { defaultPermissions } from '../../src/domain/acting/permissions.ts';
import type { StaffRole } from '../../src/domain/model.ts';
import { TERM, type CityGuardianship } from './model.ts';

export interface Student {
  name: string;
  nationalId: string;
  born: string;
  school: string;
  number: string;
  classno: string;
  seat: number;
  account?: string;
}

export const STUDENTS = {
  S1: {
    name: '王小安',
    nationalId: 'Y100200108',
    born: '2010-02-08',
    school: '993301',
    number: '11330001',
    classno: '203',
    seat: 5,
    account: 'an.wang',
  },
  S2: {
    name: '王小樂',
    nationalId: 'Y200200208',
    born: '2015-11-20',
    school: '993601',
    number: '11060001',
    classno: '501',
    seat: 12,
  },
  S3: {
    name: '陳以恩',
    nationalId: 'Y100200304',
    born: '2010-05-17',
    school: '993301',
    number: '11330002',
    classno: '203',
    seat: 8,
  },
  S4: {
    name: '吳小華',
    nationalId: 'Y200200404',
    born: '2009-12-03',
    school: '993301',
    number: '11330003',
    classno: '203',
    seat: 21,
  },
  S5: {
    name: '周子晴',
    nationalId: 'Y200200600',
    born: '2011-06-22',
    school: '993401',
    number: '11340001',
    classno: '105',
    seat: 3,
  },
  S6: {
    name: '林可欣',
    nationalId: 'Y200300203',
    born: '2010-10-09',
    school: '993302',
    number: '11330001',
    classno: '104',
    seat: 17,
  },
} as const satisfies Record<string, Student>;

export interface Adult {
  name: string;
  nationalId: string;
  born: string;
  email: string;
  mobile?: string;
  account?: string;
  locale?: 'en';
  neverSignedIn?: true;
  work?: { role: StaffRole; school?: string; duty?: string };
}

export const ADULTS = {
  G1: {
    name: '王大明',
    nationalId: 'Y100100201',
    born: '1980-04-12',
    email: 'daming.wang@parents.example',
    mobile: '+886900000101',
    neverSignedIn: true,
  },
  G2: {
    name: '李美玲',
    nationalId: 'Y200100301',
    born: '1982-07-30',
    email: 'meiling.li@parents.example',
    mobile: '+886900000102',
  },
  G3: { name: '周建國', nationalId: 'Y100100603', born: '1992-10-25', email: 'jianguo.zhou@parents.example' },
  G4: { name: '周林秀', nationalId: 'Y200100703', born: '1975-01-15', email: 'xiu.lin@parents.example' },
  G5: {
    name: 'Nguyen Thi Lan',
    nationalId: 'Y800100803',
    born: '1985-09-04',
    email: 'lan.nguyen@parents.example',
    locale: 'en',
  },
  T1: {
    name: '陳淑芬',
    nationalId: 'Y200100507',
    born: '1979-03-18',
    email: 'shufen.chen@school.example',
    account: 'shufen.chen',
    work: { role: 'teacher', school: '993302' },
  },
  T2: {
    name: '林志豪',
    nationalId: 'Y100100407',
    born: '1984-11-02',
    email: 'zhihao.lin@school.example',
    account: 'zhihao.lin',
    work: { role: 'teacher', school: '993301' },
  },
  A1: {
    name: '張立人',
    nationalId: 'Y100300103',
    born: '1986-06-09',
    email: 'it.993301@school.example',
    account: 'it.993301',
    work: { role: 'school_admin', school: '993301', duty: 'it_desk' },
  },
  A2: {
    name: '許雅文',
    nationalId: 'Y200300409',
    born: '1981-12-27',
    email: 'reg.993301@school.example',
    account: 'reg.993301',
    work: { role: 'staff', school: '993301', duty: 'registrar' },
  },
  B1: {
    name: '黃局長室',
    nationalId: 'Y100300309',
    born: '1976-08-14',
    email: 'bureau@city.example',
    account: 'bureau',
    work: { role: 'bureau_admin' },
  },
} as const satisfies Record<string, Adult>;

/** School accounts of families. The first password is the complete national ID of the student. */
export const FAMILY_ACCOUNTS = {
  H1: 'S1',
  H3: 'S3',
  H4: 'S4',
  H5: 'S5',
  H6: 'S6',
} as const satisfies Record<string, StudentKey>;

export interface NamedGuardianship {
  guardian: AdultKey;
  student: StudentKey;
  label: string;
  more?: Partial<CityGuardianship>;
}

export const NAMED_GUARDIANSHIPS: readonly NamedGuardianship[] = [
  { guardian: 'G1', student: 'S1', label: '父' },
  { guardian: 'G1', student: 'S2', label: '父' },
  { guardian: 'G2', student: 'S1', label: '母' },
  { guardian: 'G2', student: 'S2', label: '母' },
  { guardian: 'T1', student: 'S3', label: '母' },
  { guardian: 'G3', student: 'S5', label: '父', more: { state: 'suspended', stateReason: 'court_order' } },
  {
    guardian: 'G4',
    student: 'S5',
    label: '祖母',
    more: {
      relation: 'caregiver',
      authority: 'delegated',
      permissions: defaultPermissions('delegated'),
      validTo: TERM.lastDay,
    },
  },
  { guardian: 'G5', student: 'S6', label: '母' },
];

/** School and class → homeroom teacher. */
export const HOMEROOMS: Readonly<Record<string, AdultKey>> = { '993301/203': 'T2' };

export type StudentKey = keyof typeof STUDENTS;
export type AdultKey = keyof typeof ADULTS;
/** Short names of people for tests. */
export type NamedKey = StudentKey | AdultKey | keyof typeof FAMILY_ACCOUNTS;
