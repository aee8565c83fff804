import { before } from 'node:test';

import { insertMany } from '../../src/store/database/bulk-insert.ts';
import type { Transaction } from '../../src/store/database/index.ts';
import * as guardianships from '../../src/store/people/guardianships.ts';
import * as people from '../../src/store/people/people.ts';
import * as schools from '../../src/store/people/schools.ts';
import type { TestStore } from '../helpers/store.ts';
import { NOW } from './constants.ts';

export const person = (id: string, name: string): people.NewPerson => ({
  id,
  kind: 'person',
  name,
  status: 'active',
  createdAt: NOW,
  updatedAt: NOW,
});

export const guardianship = (id: string, guardianId: string, studentId: string): guardianships.NewGuardianship => ({
  id,
  guardianId,
  studentId,
  relation: 'parent',
  relationLabel: '父親',
  authority: 'statutory',
  permissions: ['portfolio:read', 'fees:pay'],
  state: 'active',
  validFrom: '2026-08-01',
  createdAt: NOW,
  updatedAt: NOW,
});

export const HIGH = { code: '993301', name: '示範高中', nameEn: 'Demo High', type: 'senior_high' } as const;
export const PRIMARY = { code: '993601', name: '示範國小', nameEn: 'Demo Primary', type: 'elementary' } as const;

/** A father with two children, a teacher, and the school account of the older child's family. */
export async function family(tx: Transaction): Promise<void> {
  await schools.insertSchool(tx, HIGH);
  await schools.insertSchool(tx, PRIMARY);
  await insertMany(tx, tx.tables.persons, [
    { ...person('father', '王大明'), nationalIdLookup: 'lookup', nationalIdSealed: 'sealed' },
    person('older', '王小安'),
    person('younger', '王小樂'),
    person('teacher', '林志豪'),
    { ...person('account', '王小安家長'), kind: 'school_account' },
  ]);
  const identifier = { personId: 'father', createdAt: NOW } as const;
  await people.insertIdentifier(tx, { ...identifier, id: 'i1', kind: 'email', value: 'daming@parents.example' });
  await people.insertIdentifier(tx, { ...identifier, id: 'i2', kind: 'mobile', value: '+886900000101' });
  const school = { ...identifier, personId: 'account', kind: 'school_account', scope: HIGH.code } as const;
  await people.insertIdentifier(tx, { ...school, id: 'i3', value: 'P11330001' });
  await insertMany(tx, tx.tables.schoolAccounts, [{ personId: 'account', studentId: 'older', schoolCode: HIGH.code }]);
  const term = { year: 115, semester: 1 } as const;
  const high = { id: 'c203', schoolCode: HIGH.code, ...term, grade: 2, classno: '203', classtitle: '二年三班' };
  await insertMany(tx, tx.tables.classes, [
    { ...high, homeroomTeacherId: 'teacher' },
    { ...high, id: 'c103', semester: 2, year: 114, grade: 1, classno: '103' },
    { ...high, id: 'c501', schoolCode: PRIMARY.code, grade: 5, classno: '501' },
  ]);
  const older = { studentId: 'older', schoolCode: HIGH.code, studentNumber: '11330001', seat: 5 };
  const younger = { studentId: 'younger', schoolCode: PRIMARY.code, studentNumber: '11060001', seat: 12 };
  await insertMany(tx, tx.tables.enrollments, [
    { ...older, id: 'e1', classId: 'c103', validTo: '2026-07-31' },
    { ...older, id: 'e2', classId: 'c203', validFrom: '2026-08-01' },
    { ...younger, id: 'e3', classId: 'c501' },
  ]);
  const member = { id: 'm1', personId: 'teacher', schoolCode: HIGH.code, role: 'teacher', isPrimary: true } as const;
  await schools.insertMembership(tx, member);
  await schools.insertMembership(tx, { ...member, id: 'm2', validTo: '2025-07-31' });
  await schools.insertMembership(tx, { ...member, id: 'm3', schoolCode: null, role: 'bureau_admin', isPrimary: false });
  await guardianships.insertGuardianship(tx, guardianship('g1', 'father', 'older'));
  await guardianships.insertGuardianship(tx, {
    ...guardianship('g2', 'father', 'younger'),
    createdAt: NOW + 1,
    state: 'suspended',
  });
}

/** Inserts the family before the first test. */
export const withFamily = (on: TestStore): void => {
  before(() => on.store.write(family));
};
