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

/** What `npm run demo` makes when nobody says more. */
export const DEFAULT_PEOPLE = 60;
/** A part has about so many persons: some megabytes, and a fraction of a second to store. */
const BATCH_SIZE = 2_000;
/** Teachers beside the homeroom teachers, for each class. */
const EXTRA_TEACHERS_PER_CLASS = 0.5;

export interface CityOptions {
  seed: string;
  /** Persons of the whole city, the 16 named ones included; fewer than they are is taken as only them. */
  people: number;
}

/**
 * The city, piece by piece, in the order in which it can be stored; memory holds one piece, however large the city is.
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
  const staff = createStaff({ seed, dice: random, make, room });
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
  /** A teacher for a new class: one who waits at this school, otherwise a new one; nobody when the city is full. */
  homeroomTeacher(batch: CityBatch, school: School): string | undefined;
  /** A parent who teaches. Given a class only later, so never the one of the own child that opens it. */
  hire(batch: CityBatch, person: CityPerson, school: School): void;
  /** A new person who teaches and has no class yet. */
  add(batch: CityBatch, school: School): void;
}

function createStaff({
  seed,
  dice: random,
  make,
  room,
}: {
  seed: string;
  dice: SeededRandom;
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
