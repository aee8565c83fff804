import type { School } from '../../src/domain/model.ts';
import { TERM, type CityClass, type CityBatch } from './model.ts';
import { classTitle, KINDS, type CitySchoolType } from './schools.ts';
import { seededUuid, type SeededRandom } from './seeded-random.ts';

/** Maximum number of students in a class. The city allows 35. */
const CLASS_SIZE = 29;
/** First generated student number. Lower numbers are reserved for the named people. */
const FIRST_NUMBER = 101;

interface OpenClass {
  id: string;
  taken: Set<number>;
}

export interface Placement {
  studentId: string;
  school: School;
  type: CitySchoolType;
  grade: number;
}

export interface Enroller {
  /** Enrolls a student in the open class of the grade. Opens the next class when it is full. */
  enroll(batch: CityBatch, placement: Placement): void;
}

/** The state of the enroller. Its size depends on the number of schools, not of people. */
interface SchoolBook {
  open: Map<string, OpenClass>;
  used: Map<string, Set<string>>;
  numbers: Map<string, number>;
}

/** Starts with the classes of the named people open, and their seats taken. */
function createBook(named: CityBatch): SchoolBook {
  const book: SchoolBook = { open: new Map(), used: new Map(), numbers: new Map() };
  for (const one of named.classes) {
    const key = `${one.schoolCode}/${one.grade}`;
    const seats = named.enrollments.filter((enrollment) => enrollment.classId === one.id).map(({ seat }) => seat);
    book.open.set(key, { id: one.id, taken: new Set(seats) });
    book.used.set(key, new Set([one.classno]));
  }
  return book;
}

function nextClassno(book: SchoolBook, key: string, grade: number): string {
  const used = book.used.get(key) ?? new Set();
  for (let number = 1; ; number += 1) {
    const classno = `${grade}${String(number).padStart(2, '0')}`;
    if (used.has(classno)) continue;
    book.used.set(key, used.add(classno));
    return classno;
  }
}

function nextSeat(taken: ReadonlySet<number>): number {
  let seat = 1;
  while (taken.has(seat)) seat += 1;
  return seat;
}

/** Builds a student number such as `11430101`: year of entry, school type, and a sequence number of that year. */
function nextStudentNumber(book: SchoolBook, { school, type, grade }: Placement): string {
  const prefix = `${TERM.year - grade + 1}${KINDS[type].digit}`;
  const key = `${school.code}/${prefix}`;
  const number = book.numbers.get(key) ?? FIRST_NUMBER;
  book.numbers.set(key, number + 1);
  return `${prefix}${String(number).padStart(4, '0')}`;
}

/**
 * @param teacherFor names the homeroom teacher of a new class, perhaps a person it adds to the part; undefined: no teacher
 */
export function createEnroller(
  seed: string,
  named: CityBatch,
  teacherFor: (batch: CityBatch, school: School) => string | undefined,
): Enroller {
  const book = createBook(named);
  const openClass = (batch: CityBatch, { school, type, grade }: Placement): OpenClass => {
    const key = `${school.code}/${grade}`;
    const current = book.open.get(key);
    if (current !== undefined && current.taken.size < CLASS_SIZE) return current;
    const classno = nextClassno(book, key, grade);
    const fresh: CityClass = {
      id: seededUuid(seed, `class:${school.code}/${classno}`),
      schoolCode: school.code,
      grade,
      classno,
      classtitle: classTitle(type, classno),
      homeroomTeacherId: teacherFor(batch, school),
    };
    batch.classes.push(fresh);
    const opened = { id: fresh.id, taken: new Set<number>() };
    book.open.set(key, opened);
    return opened;
  };
  return {
    enroll: (batch, placement) => {
      const { studentId, school } = placement;
      const { id: classId, taken } = openClass(batch, placement);
      const seat = nextSeat(taken);
      taken.add(seat);
      batch.enrollments.push({
        id: seededUuid(seed, `enrolment:${studentId}`),
        ...{ studentId, classId, schoolCode: school.code, seat },
        studentNumber: nextStudentNumber(book, placement),
      });
    },
  };
}

/** Chooses a school for a child in school year 1 to 12. Each family has one nearby school of each type. */
export function createSchoolChoice(
  schools: Readonly<Record<CitySchoolType, readonly School[]>>,
  random: SeededRandom,
): (home: number, level: number) => Omit<Placement, 'studentId'> {
  const near = (type: CitySchoolType, home: number): School => {
    const all = schools[type];
    const found = all[home % all.length];
    if (found === undefined) throw new RangeError(`the demo city has no ${type} school`);
    return found;
  };
  return (home, level) => {
    if (level <= 6) return { type: 'elementary', school: near('elementary', home), grade: level };
    if (level <= 9) return { type: 'junior_high', school: near('junior_high', home), grade: level - 6 };
    const type = random.chance(0.64) ? 'senior_high' : 'vocational_high';
    return { type, school: random.pick(schools[type]), grade: level - KINDS[type].before };
  };
}
