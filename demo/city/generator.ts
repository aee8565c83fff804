import type { School } from '../../src/domain/model.ts';
import { createEnroller, createSchoolChoice } from './enrollment.ts';
import { createFamilyMaker } from './families.ts';
import { createEmptyBatch, type CityBatch, type CityPerson } from './model.ts';
import { createBureauBatch, NAMED_IDS, createNamedBatch } from './named-people.ts';
import { pickName, pickSurname } from './names.ts';
import { createIdSource } from './national-ids.ts';
import { birthDateOfTeacher, createPersonMaker, type PersonMaker } from './people.ts';
import { schoolsFor } from './schools.ts';
import { createSeededRandom, seededUuid, type SeededRandom } from './seeded-random.ts';

/** Number of people that `npm run demo` creates by default. */
export const DEFAULT_PEOPLE = 60;
/** Approximate number of people in a batch: a few megabytes, stored in a fraction of a second. */
const BATCH_SIZE = 2_000;
/** Teachers for each class in addition to the homeroom teacher. */
const EXTRA_TEACHERS_PER_CLASS = 0.5;

export interface CityOptions {
  seed: string;
  /** Number of people in the city, including the 16 named people, who always exist. */
  people: number;
}

/**
 * Generates the city in batches, in the order in which they can be stored. Memory holds one batch at a time.
 * The same seed and number give the same city.
 */
export function* generateCity({ seed, people }: CityOptions): Generator<CityBatch, void, void> {
  const named = createNamedBatch(seed);
  const bureau = createBureauBatch(seed);
  const isPerson = (one: CityPerson): boolean => one.kind === 'person';
  const wanted = people - [...named.persons, ...bureau.persons].filter(isPerson).length;
  const schools = schoolsFor(people);
  yield { ...named, schools: Object.values(schools).flat() };
  if (wanted > 0) yield* generateFamilies(seed, wanted, schools, named);
  yield bureau;
}

function* generateFamilies(
  seed: string,
  wanted: number,
  schools: ReturnType<typeof schoolsFor>,
  named: CityBatch,
): Generator<CityBatch, void, void> {
  const random = createSeededRandom(seed);
  const make = createPersonMaker(seed, createIdSource(random, NAMED_IDS));
  const room = (): number => wanted - make.count();
  const staff = createStaff({ seed, random, make, room });
  const newFamily = createFamilyMaker({ seed, random, make }, schools.elementary.length);
  const enroller = createEnroller(seed, named, (to, school) => staff.homeroomTeacher(to, school));
  const chooseSchool = createSchoolChoice(schools, random);
  const everySchool = Object.values(schools).flat();
  let batch = createEmptyBatch();
  while (room() > 0) {
    if (room() === 1) {
      staff.add(batch, random.pick(everySchool));
      break;
    }
    const family = newFamily(batch, room());
    for (const { person, level } of family.children) {
      enroller.enroll(batch, { studentId: person.id, ...chooseSchool(family.home, level) });
    }
    for (const teacher of family.teachers) staff.hire(batch, teacher, random.pick(everySchool));
    if (batch.persons.length >= BATCH_SIZE) {
      yield batch;
      batch = createEmptyBatch();
    }
  }
  yield batch;
}

interface Staff {
  /** Returns a homeroom teacher: one of this school without a class, or a new one. Undefined when the city is full. */
  homeroomTeacher(batch: CityBatch, school: School): string | undefined;
  /** Employs a parent as a teacher. They get a later class, so never the one that their own child opens. */
  hire(batch: CityBatch, person: CityPerson, school: School): void;
  /** Adds a new teacher without a class. */
  add(batch: CityBatch, school: School): void;
}

function createStaff({
  seed,
  random,
  make,
  room,
}: {
  seed: string;
  random: SeededRandom;
  make: PersonMaker;
  room: () => number;
}): Staff {
  const waiting = new Map<string, string[]>();
  const employ = (batch: CityBatch, person: CityPerson, school: School): void => {
    const id = seededUuid(seed, `membership:${person.id}`);
    batch.memberships.push({ id, personId: person.id, schoolCode: school.code, role: 'teacher', duty: undefined });
  };
  const newTeacher = (batch: CityBatch, school: School): string => {
    const sex = random.pick(['male', 'female', 'female'] as const);
    const person = make.teacher(pickName(random, pickSurname(random), sex), sex, birthDateOfTeacher(random));
    batch.persons.push(person);
    employ(batch, person, school);
    return person.id;
  };
  return {
    homeroomTeacher: (batch, school) => {
      if (room() > 1 && random.chance(EXTRA_TEACHERS_PER_CLASS)) newTeacher(batch, school);
      return waiting.get(school.code)?.pop() ?? (room() > 0 ? newTeacher(batch, school) : undefined);
    },
    hire: (batch, person, school) => {
      employ(batch, person, school);
      waiting.set(school.code, [...(waiting.get(school.code) ?? []), person.id]);
    },
    add: (batch, school) => {
      newTeacher(batch, school);
    },
  };
}
