/** Turns the named people of fixtures.ts into a part of the city. */
import { defaultPermissions } from '../../src/domain/acting/permissions.ts';
import { lastSix } from '../../src/domain/credentials/national-id.ts';
import { ADULTS, FAMILY_ACCOUNTS, HOMEROOMS, STUDENTS, NAMED_GUARDIANSHIPS } from './fixtures.ts';
import type { Adult, AdultKey, NamedKey, Student, StudentKey } from './fixtures.ts';
import { createEmptyBatch, type CityLogin, type CityBatch, type CityPerson, type Credential } from './model.ts';
import { classTitle, NAMED_SCHOOLS, type CitySchoolType } from './schools.ts';
import { seededUuid } from './seeded-random.ts';

/** The password of all people who have signed in before. */
export const DEMO_PASSWORD = 'Kinpass-Demo-2026';

const entries = <K extends string, V>(record: Readonly<Record<K, V>>): [K, V][] => {
  const isKey = (key: string): key is K => Object.hasOwn(record, key);
  return Object.keys(record)
    .filter(isKey)
    .map((key) => [key, record[key]]);
};

/** The id of a named person: `namedId(seed, 'G1')`. */
export function namedId(seed: string, key: NamedKey): string {
  return seededUuid(seed, `person:${key}`);
}

/** National IDs that the generator must not give again. */
export const NAMED_IDS: ReadonlySet<string> = new Set(
  [...Object.values(STUDENTS), ...Object.values(ADULTS)].map((one) => one.nationalId),
);

const login = (kind: CityLogin['kind'], value: string | undefined, scope = ''): CityLogin[] =>
  value === undefined ? [] : [{ kind, value, scope }];

function studentPerson(seed: string, key: StudentKey, student: Student): CityPerson {
  return {
    id: namedId(seed, key),
    kind: 'person',
    name: student.name,
    locale: 'zh-TW',
    nationalId: student.nationalId,
    birthDate: student.born,
    logins: login('account', student.account),
    credential: { kind: student.account === undefined ? 'none' : 'own' },
  };
}

function adultPerson(seed: string, key: AdultKey, adult: Adult): CityPerson {
  const credential: Credential =
    adult.neverSignedIn === undefined ? { kind: 'own' } : { kind: 'first', password: lastSix(adult.nationalId) };
  return {
    id: namedId(seed, key),
    kind: 'person',
    name: adult.name,
    locale: adult.locale ?? 'zh-TW',
    nationalId: adult.nationalId,
    birthDate: adult.born,
    logins: [...login('account', adult.account), ...login('email', adult.email), ...login('mobile', adult.mobile)],
    credential,
  };
}

function addFamilyAccounts(seed: string, batch: CityBatch): void {
  for (const [key, studentKey] of entries(FAMILY_ACCOUNTS)) {
    const student: Student = STUDENTS[studentKey];
    const personId = namedId(seed, key);
    batch.persons.push({
      id: personId,
      kind: 'school_account',
      name: `${student.name}的家長`,
      locale: 'zh-TW',
      nationalId: undefined,
      birthDate: undefined,
      logins: login('school_account', `p${student.number}`, student.school),
      credential: { kind: 'first', password: student.nationalId },
    });
    batch.schoolAccounts.push({ personId, studentId: namedId(seed, studentKey), schoolCode: student.school });
  }
}

function schoolTypeOf(code: string): CitySchoolType {
  const type = NAMED_SCHOOLS.find((one) => one.code === code)?.type;
  if (type === undefined || type === 'special') throw new RangeError(`no ordinary school ${code} in the demo city`);
  return type;
}

function addStudents(seed: string, batch: CityBatch): void {
  for (const [key, student] of entries<StudentKey, Student>(STUDENTS)) {
    const { school: schoolCode, classno, number: studentNumber, seat } = student;
    const place = `${schoolCode}/${classno}`;
    const classId = seededUuid(seed, `class:${place}`);
    if (!batch.classes.some((one) => one.id === classId)) {
      const teacher = HOMEROOMS[place];
      batch.classes.push({
        id: classId,
        schoolCode,
        grade: Number(classno[0]),
        classno,
        classtitle: classTitle(schoolTypeOf(schoolCode), classno),
        homeroomTeacherId: teacher === undefined ? undefined : namedId(seed, teacher),
      });
    }
    batch.persons.push(studentPerson(seed, key, student));
    batch.enrollments.push({
      id: seededUuid(seed, `enrolment:${key}`),
      studentId: namedId(seed, key),
      ...{ classId, schoolCode, studentNumber, seat },
    });
  }
}

function addAdult(seed: string, batch: CityBatch, key: AdultKey): void {
  const adult: Adult = ADULTS[key];
  batch.persons.push(adultPerson(seed, key, adult));
  if (adult.work === undefined) return;
  const { role, school, duty } = adult.work;
  const id = seededUuid(seed, `membership:${key}`);
  batch.memberships.push({ id, personId: namedId(seed, key), schoolCode: school, role, duty });
}

function addGuardianships(seed: string, batch: CityBatch): void {
  for (const { guardian, student, label, more } of NAMED_GUARDIANSHIPS) {
    batch.guardianships.push({
      id: seededUuid(seed, `guardianship:${guardian}-${student}`),
      guardianId: namedId(seed, guardian),
      studentId: namedId(seed, student),
      relation: 'parent',
      relationLabel: label,
      authority: 'statutory',
      permissions: defaultPermissions('statutory'),
      state: 'active',
      stateReason: undefined,
      validTo: undefined,
      ...more,
    });
  }
}

/** Creates the named people, without the bureau administrator and the schools. */
export function createNamedBatch(seed: string): CityBatch {
  const batch = createEmptyBatch();
  addStudents(seed, batch);
  for (const [key] of entries<AdultKey, Adult>(ADULTS)) {
    if (key !== 'B1') addAdult(seed, batch, key);
  }
  addFamilyAccounts(seed, batch);
  addGuardianships(seed, batch);
  return batch;
}

/** Creates the bureau administrator. The account is stored last and marks a complete city. */
export function createBureauBatch(seed: string): CityBatch {
  const batch = createEmptyBatch();
  addAdult(seed, batch, 'B1');
  return batch;
}

/** The account name of the bureau administrator. */
export const BUREAU_ACCOUNT = ADULTS.B1.account;
