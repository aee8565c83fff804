import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { generateCity } from '../../demo/city/generator.ts';
import { createEmptyBatch, type CityLogin, type CityBatch } from '../../demo/city/model.ts';
import { NAMED_IDS } from '../../demo/city/named-people.ts';
import { seededUuid } from '../../demo/city/seeded-random.ts';
import { isAccountName, isEmail, parseMobile } from '../../src/domain/credentials/identifiers.ts';
import { isNationalId } from '../../src/domain/credentials/national-id.ts';

const TODAY = '2026-11-23';
const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function fullCity(people: number, seed = 'test'): CityBatch {
  const all = createEmptyBatch();
  for (const part of generateCity({ seed, people })) {
    all.schools.push(...part.schools);
    all.persons.push(...part.persons);
    all.classes.push(...part.classes);
    all.enrollments.push(...part.enrollments);
    all.memberships.push(...part.memberships);
    all.guardianships.push(...part.guardianships);
    all.schoolAccounts.push(...part.schoolAccounts);
  }
  return all;
}

const countPersons = (city: CityBatch): number => city.persons.filter(({ kind }) => kind === 'person').length;
const duplicates = (values: readonly string[]): string[] => values.filter((one, at) => values.indexOf(one) !== at);
const allUnique = (values: readonly string[]): boolean => new Set(values).size === values.length;

const isGoodLogin: Record<CityLogin['kind'], (login: CityLogin) => boolean> = {
  email: ({ value }) => isEmail(value) && value.endsWith('.example'),
  account: ({ value }) => isAccountName(value),
  mobile: ({ value }) => parseMobile(value) === value && value.startsWith('+886900'),
  school_account: ({ value, scope }) => /^p\d{8}$/.test(value) && scope.startsWith('99'),
};

/** Asserts the rules that a city of any size must meet. */
function assertValidCity(city: CityBatch): void {
  const ids = city.persons.flatMap(({ nationalId }) => nationalId ?? []);
  assert.deepEqual(
    ids.filter((id) => !id.startsWith('Y') || !isNationalId(id, TODAY)),
    [],
  );
  assert.ok(allUnique(ids), 'national IDs');
  assert.ok(allUnique(city.persons.map(({ id }) => id)));
  const logins = city.persons.flatMap((person) => person.logins);
  assert.deepEqual(
    logins.filter((login) => !isGoodLogin[login.kind](login)),
    [],
  );
  assert.ok(allUnique(logins.map(({ kind, value, scope }) => `${kind} ${scope} ${value}`)), 'logins');
  assert.deepEqual(
    city.persons.filter(({ birthDate }) => birthDate !== undefined && birthDate < '1975').map(({ id }) => id),
    [],
  );
  assert.deepEqual(
    city.schools.filter(({ code }) => !/^99\d{4}$/.test(code)),
    [],
  );
  assert.deepEqual(duplicates(city.schools.map(({ code }) => code)), []);
  assert.deepEqual(duplicates(city.schools.map(({ name }) => name)), []);
  assert.ok(allUnique(city.classes.map(({ schoolCode, classno }) => `${schoolCode}/${classno}`)));
  assert.ok(allUnique(city.enrollments.map(({ classId, seat }) => `${classId}/${seat}`)), 'seats');
  assert.ok(allUnique(city.enrollments.map((one) => `${one.schoolCode}/${one.studentNumber}`)), 'student numbers');
  assert.ok(allUnique(city.guardianships.map((one) => `${one.guardianId}/${one.studentId}`)), 'pairs');
  for (const pupils of Map.groupBy(city.enrollments, ({ classId }) => classId).values()) assert.ok(pupils.length <= 35);
}

/** Asserts that each batch references only rows of itself and of earlier batches. */
function assertStorableInOrder(parts: Iterable<CityBatch>): void {
  const persons = new Set<string>();
  const classes = new Set<string>();
  const schools = new Set<string>();
  for (const part of parts) {
    part.persons.forEach(({ id }) => persons.add(id));
    part.schools.forEach(({ code }) => schools.add(code));
    for (const { id, schoolCode, homeroomTeacherId } of part.classes) {
      classes.add(id);
      assert.ok(schools.has(schoolCode));
      assert.ok(homeroomTeacherId === undefined || persons.has(homeroomTeacherId));
    }
    for (const { studentId, classId } of part.enrollments) assert.ok(persons.has(studentId) && classes.has(classId));
    for (const { guardianId, studentId } of part.guardianships) {
      assert.ok(persons.has(guardianId) && persons.has(studentId));
    }
    for (const { personId } of part.memberships) assert.ok(persons.has(personId));
  }
}

describe('city generator', () => {
  it('generates the same city for the same seed, and different cities for different seeds', () => {
    assert.deepEqual(fullCity(200), fullCity(200));
    const names = (seed: string): string =>
      fullCity(200, seed)
        .persons.map(({ name }) => name)
        .join();
    assert.notEqual(names('one'), names('two'));
  });

  for (const people of [0, 16, 17, 18, 19, 20, 25, 60, 61, 333]) {
    it(`generates exactly the requested number of people: ${people}`, () => {
      const city = fullCity(people);
      assert.equal(countPersons(city), Math.max(16, people));
      assertValidCity(city);
    });
  }

  it('generates a valid city of 5,000 people in under three seconds', () => {
    const began = performance.now();
    const city = fullCity(5_000);
    assert.ok(performance.now() - began < 3_000);
    assert.equal(countPersons(city), 5_000);
    assertValidCity(city);
    assert.ok(city.schools.length > 5);
    assertStorableInOrder(generateCity({ seed: 'test', people: 5_000 }));
  });

  it('enrolls children by age, so that siblings attend different schools', () => {
    const city = fullCity(5_000);
    const schoolOf = new Map(city.enrollments.map((one) => [one.studentId, one.schoolCode]));
    const families = [...Map.groupBy(city.guardianships, ({ guardianId }) => guardianId).values()].filter(
      (ties) => ties.length > 1,
    );
    const split = families.filter((ties) => new Set(ties.map(({ studentId }) => schoolOf.get(studentId))).size > 1);
    assert.ok(families.length > 300);
    assert.ok(split.length > families.length / 3, `${split.length} of ${families.length}`);
    const typeOf = new Map(city.schools.map(({ code, type }) => [code, type]));
    const born = new Map(city.persons.map(({ id, birthDate }) => [id, birthDate ?? '']));
    for (const { studentId, schoolCode } of city.enrollments) {
      const age = 2026 - Number((born.get(studentId) ?? '').slice(0, 4));
      const [from, to] = typeOf.get(schoolCode) === 'elementary' ? [6, 12] : [11, 18];
      assert.ok(age >= from && age <= to, `${schoolCode}: ${age}`);
    }
  });

  it('has single parents, teachers with children, caregivers and suspended guardianships', () => {
    const city = fullCity(5_000);
    const guardians = [...Map.groupBy(city.guardianships, ({ studentId }) => studentId).values()];
    assert.ok(guardians.some((ties) => ties.length === 1));
    assert.ok(guardians.some((ties) => ties.length === 2));
    const teachers = new Set(city.memberships.map(({ personId }) => personId));
    assert.ok(city.guardianships.filter(({ guardianId }) => teachers.has(guardianId)).length > 10);
    assert.ok(city.guardianships.filter(({ state }) => state === 'suspended').length > 10);
    const delegated = city.guardianships.filter(({ authority }) => authority === 'delegated');
    assert.ok(delegated.length > 10);
    assert.ok(delegated.every(({ validTo, relation }) => validTo === '2027-01-31' && relation === 'caregiver'));
    const homeroom = city.classes.filter(({ homeroomTeacherId }) => homeroomTeacherId !== undefined);
    assert.ok(homeroom.length > city.classes.length * 0.9);
    assert.ok(allUnique(homeroom.flatMap(({ homeroomTeacherId }) => homeroomTeacherId ?? [])));
  });

  it('generates ids in UUID version 4 format', () => {
    assert.match(seededUuid('seed', 'label'), UUID_V4);
    assert.notEqual(seededUuid('a', 'b'), seededUuid('a', 'c'));
    assert.equal(NAMED_IDS.size, 16);
  });
});
