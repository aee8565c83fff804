import { homeroomClassIdsOf, registrarSchoolCodesOf, type HeldCapacity } from '../../domain/access/capacities.ts';
import { administersCity } from '../../domain/access/policy.ts';
import { addCounts, NO_ANSWERS, type AnswerCounts } from '../../domain/binding/answers.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import type { School } from '../../domain/model.ts';
import { currentTerm } from '../../domain/term.ts';
import { countAnswers, listAnswers, type StudentAnswer } from '../../store/binding/answers.ts';
import { listSchoolAnswers, type SchoolAnswers } from '../../store/console/answer-counts.ts';
import { findClass, listClassesById, listClassesOfSchools, type SchoolClass } from '../../store/console/classes.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { listSchoolCodes, listSchoolsByCode } from '../../store/people/schools.ts';
import type { Audit } from '../audit/audit.ts';
import type { Authorization, StaffActor } from './authorization.ts';

export type { StudentAnswer } from '../../store/binding/answers.ts';
export type { SchoolAnswers } from '../../store/console/answer-counts.ts';

export interface ClassAnswers {
  schoolClass: SchoolClass;
  counts: AnswerCounts;
}

/** A school with its classes of the current term. */
export interface SchoolOverview {
  school: School;
  classes: readonly ClassAnswers[];
}

export interface CityOverview {
  schools: readonly SchoolAnswers[];
  /** New schools whose first count has not ended. */
  uncounted: number;
}

export interface ClassOverview {
  schoolClass: SchoolClass;
  students: readonly StudentAnswer[];
}

/** Shows reviewers which families have answered about the binding, and what. */
export interface BindingOverviews {
  /** Lists the schools of a registrar and the classes of a homeroom teacher. */
  list(actor: StaffActor): Promise<{ schools: readonly SchoolOverview[]; classes: readonly ClassAnswers[] }>;
  /** @returns undefined for a school out of scope, as for an unknown code */
  loadSchool(actor: StaffActor, schoolCode: string): Promise<SchoolOverview | undefined>;
  /** Loads the students of a class and records the view. @returns undefined for a class out of scope, as for an unknown id */
  viewClass(actor: StaffActor, classId: string, address: string): Promise<ClassOverview | undefined>;
  /** Lists the numbers of all schools, which are counted about once an hour. For the bureau; empty for other staff. */
  listCity(actor: StaffActor): Promise<CityOverview>;
}

interface Deps {
  store: Store;
  clock: Clock;
  audit: Audit;
  authorization: Authorization;
}

export function createBindingOverviews({ store, clock, audit, authorization }: Deps): BindingOverviews {
  const today = (): string => localDate(clock.now());
  const loadSchools = async (tx: Transaction, codes: readonly string[]): Promise<SchoolOverview[]> => {
    const overviews: SchoolOverview[] = [];
    for (const school of await listSchoolsByCode(tx, codes)) {
      const term = currentTerm(today());
      const counts = await countAnswers(tx, { schoolCode: school.code, term }, today());
      overviews.push({ school, classes: withCounts(await listClassesOfSchools(tx, [school.code], term), counts) });
    }
    return overviews;
  };
  return {
    list: ({ capacities }) =>
      store.read(async (tx) => {
        const schools = registrarSchoolCodesOf(capacities);
        const classIds = homeroomClassIdsOf(capacities);
        const counts = classIds.length === 0 ? new Map() : await countAnswers(tx, { classIds }, today());
        return {
          schools: await loadSchools(tx, schools),
          classes: withCounts(await listClassesById(tx, classIds), counts),
        };
      }),
    loadSchool: async (actor, schoolCode) => {
      if (reviewingCapacity(actor, { schoolCode }) === undefined) return undefined;
      const [overview] = await store.read((tx) => loadSchools(tx, [schoolCode]));
      return overview;
    },
    viewClass: async (actor, classId, address) => {
      const overview = await store.read(async (tx) => {
        const schoolClass = await findClass(tx, classId);
        const schoolCode = schoolClass?.school.code ?? '';
        const isInScope = reviewingCapacity(actor, { schoolCode, classId }) !== undefined;
        if (schoolClass === undefined || !isInScope) return undefined;
        const students = await listAnswers(tx, { classIds: [classId] }, today());
        const ids = students.map(({ studentId }) => studentId);
        const visible = await authorization.filterVisible(tx, actor, ids);
        return { schoolClass, students: students.filter(({ studentId }) => visible.has(studentId)) };
      });
      if (overview === undefined) return undefined;
      const detail = { class: classId, school: overview.schoolClass.school.code };
      await audit.record({ event: 'staff.view_class', outcome: 'ok', actorId: actor.id, address, detail });
      return overview;
    },
    listCity: async (actor) => {
      if (!administersCity(actor)) return { schools: [], uncounted: 0 };
      return store.read(async (tx) => {
        const schools = await listSchoolAnswers(tx);
        return { schools, uncounted: (await listSchoolCodes(tx)).length - schools.length };
      });
    },
  };
}

/** Returns the highest capacity by which a member of staff reviews applications of a school, or of one class; undefined for none. */
export function reviewingCapacity(
  { capacities }: StaffActor,
  { schoolCode, classId }: { schoolCode: string; classId?: string | undefined },
): HeldCapacity | undefined {
  return capacities.find((held) => {
    switch (held.capacity) {
      case 'bureau_admin':
        return true;
      case 'registrar':
        return held.schoolCode === schoolCode;
      case 'homeroom_teacher':
        return held.classId === classId;
      case 'it_desk':
        return false;
    }
  });
}

/** Adds up the counts of the classes of a school. */
export function countsOfSchool({ classes }: SchoolOverview): AnswerCounts {
  return addCounts(classes.map(({ counts }) => counts));
}

function withCounts(classes: readonly SchoolClass[], counts: ReadonlyMap<string, AnswerCounts>): ClassAnswers[] {
  return classes.map((schoolClass) => ({ schoolClass, counts: counts.get(schoolClass.id) ?? NO_ANSWERS }));
}
