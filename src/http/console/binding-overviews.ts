import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { administersCity } from '../../domain/access/policy.ts';
import { addCounts, FAMILY_ANSWERS, NO_ANSWERS, type FamilyAnswer } from '../../domain/binding/answers.ts';
import type { AnswerLine } from '../../presentation/page-locals/answers.ts';
import type { PageLocals } from '../../presentation/page-locals/index.ts';
import {
  countsOfSchool,
  type ClassAnswers,
  type ClassOverview,
  type CityOverview,
  type SchoolOverview,
} from '../../services/console/binding-overviews.ts';
import { canReview } from '../../services/binding/review.ts';
import type { HttpDeps } from '../deps.ts';
import { takeNotice } from '../pages/page-notice.ts';
import { countsByDistrict, numbersOf } from './binding-numbers.ts';
import { classLine } from './classes.ts';
import { pathIdOf } from './path-id.ts';
import type { SignedInStaff } from './session.ts';

const BINDING_PATH = '/console/binding';

type CountsLocals = PageLocals['console/binding-counts'];

/** `GET /console/binding`: the city for the bureau; the schools and classes of other reviewers, or the only one of them. */
export async function showBinding(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  if (!canReview(actor)) throw createError(404, 'this capacity reviews no applications');
  if (administersCity(actor)) {
    showCity(deps, ctx, await loadCityOverview(deps, ctx, { actor }));
    return;
  }
  const { schools, classes } = await deps.console.bindingOverviews.list(actor);
  const urls = [
    ...schools.map(({ school }) => schoolUrl(school.code)),
    ...classes.map(({ schoolClass }) => classUrl(schoolClass.id)),
  ];
  const [only, second] = urls;
  if (only !== undefined && second === undefined) {
    ctx.redirect(only);
    return;
  }
  deps.pages.show(ctx, 'console/binding-counts', {
    title: deps.pages.t(ctx, 'answers.title'),
    numbers: numbersOf(addCounts([...schools.map(countsOfSchool), ...classes.map(({ counts }) => counts)])),
    tables: [
      ...tableOf(
        deps,
        ctx,
        'school',
        schools.map((one) => schoolLine(deps, ctx, one)),
      ),
      ...tableOf(
        deps,
        ctx,
        'class',
        classes.map((one) => lineOfClass(deps, ctx, one)),
      ),
    ],
    empty: deps.pages.t(ctx, 'answers.none'),
    downloads: [],
  });
}

/** `GET /console/binding/schools/:code`: the classes of a school. */
export async function showSchoolAnswers(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const overview = await loadSchoolOverview(deps, ctx, staff);
  const url = schoolUrl(overview.school.code);
  deps.pages.show(ctx, 'console/binding-counts', {
    title: deps.pages.schoolName(ctx, overview.school) ?? '',
    numbers: numbersOf(countsOfSchool(overview)),
    tables: tableOf(
      deps,
      ctx,
      'class',
      overview.classes.map((one) => lineOfClass(deps, ctx, one)),
    ),
    empty: deps.pages.t(ctx, 'answers.noClasses'),
    downloads: [{ href: `${url}/report.csv`, label: deps.pages.t(ctx, 'answers.csv') }],
    remindUrl: `${url}/reminders`,
    notice: sentNotice(deps, ctx),
  });
}

const classQuery = z.object({ state: z.enum(FAMILY_ANSWERS).or(z.literal('')).catch('') });

/** `GET /console/binding/classes/:id?state=`: the students of a class. */
export async function showClassAnswers(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const { schoolClass, students, filter, counts } = await loadClassOverview(deps, ctx, staff);
  const url = classUrl(schoolClass.id);
  const isWholeSchool = staff.actor.capacities.some(
    (held) =>
      held.capacity === 'bureau_admin' ||
      (held.capacity === 'registrar' && held.schoolCode === schoolClass.school.code),
  );
  deps.pages.show(ctx, 'console/binding-class', {
    ...classLine(deps, ctx, schoolClass),
    numbers: numbersOf(counts),
    filter,
    students: students.map(({ studentId, name, seat, answer, remindedAt }) => ({
      ...{ id: studentId, name, seat, answer, remindedAt },
    })),
    csvUrl: `${url}/report.csv${filter === '' ? '' : `?state=${filter}`}`,
    schoolUrl: isWholeSchool ? schoolUrl(schoolClass.school.code) : undefined,
    printedAt: deps.clock.now(),
    notice: sentNotice(deps, ctx),
  });
}

/** Loads a school in the scope of the member of staff. @throws {HttpError} 404 otherwise */
export async function loadSchoolOverview(
  deps: HttpDeps,
  ctx: Context,
  { actor }: SignedInStaff,
): Promise<SchoolOverview> {
  const overview = await deps.console.bindingOverviews.loadSchool(actor, schoolCodeOf(ctx));
  if (overview === undefined) throw createError(404, 'no such school in the scope of this member of staff');
  return overview;
}

export interface FilteredClass extends ClassOverview {
  filter: FamilyAnswer | '';
  /** Of all students. */
  counts: ClassAnswers['counts'];
}

/** Loads the students of a class with the chosen answer. @throws {HttpError} 404 for a class out of scope */
export async function loadClassOverview(
  deps: HttpDeps,
  ctx: Context,
  { actor }: SignedInStaff,
): Promise<FilteredClass> {
  const overview = await deps.console.bindingOverviews.viewClass(actor, pathIdOf(ctx), ctx.ip);
  if (overview === undefined) throw createError(404, 'no such class in the scope of this member of staff');
  const { state: filter } = classQuery.parse(ctx.query);
  const counts = addCounts(overview.students.map(({ answer }) => ({ ...NO_ANSWERS, [answer]: 1 })));
  const students = overview.students.filter(({ answer }) => filter === '' || answer === filter);
  return { ...overview, students, filter, counts };
}

export function schoolCodeOf(ctx: Context): string {
  return z.object({ code: z.string() }).parse(ctx['params']).code;
}

export const classUrl = (id: string): string => `${BINDING_PATH}/classes/${id}`;
export const schoolUrl = (code: string): string => `${BINDING_PATH}/schools/${code}`;

/** The value of the filter for schools without a district. */
const WITHOUT_DISTRICT = '-';

const districtQuery = z.object({ district: z.string().catch('') });
const filterOf = (district: string): string => (district === '' ? WITHOUT_DISTRICT : district);

interface FilteredCity extends CityOverview {
  /** The chosen district as the query has it; empty for the whole city. */
  filter: string;
  /** All districts, as the query has them. */
  districts: readonly string[];
}

/** Loads the schools of the chosen district. An unknown district, for example a former name, is the whole city. */
export async function loadCityOverview(
  deps: HttpDeps,
  ctx: Context,
  { actor }: Pick<SignedInStaff, 'actor'>,
): Promise<FilteredCity> {
  const city = await deps.console.bindingOverviews.listCity(actor);
  const districts = countsByDistrict(city.schools).map(({ district }) => filterOf(district));
  const { district } = districtQuery.parse(ctx.query);
  const filter = districts.includes(district) ? district : '';
  const schools = city.schools.filter((school) => filter === '' || filterOf(school.district) === filter);
  return { ...city, schools, filter, districts };
}

/** Names a district; schools without one are a group of their own. */
export function districtName({ pages }: HttpDeps, ctx: Context, district: string): string {
  return district === '' ? pages.t(ctx, 'answers.noDistrict') : district;
}

function showCity(deps: HttpDeps, ctx: Context, { schools, uncounted, filter, districts }: FilteredCity): void {
  const { pages } = deps;
  const nameOf = (one: string): string => districtName(deps, ctx, one === WITHOUT_DISTRICT ? '' : one);
  const urlOf = (path: string, query: Record<string, string>): string =>
    `${path}?${new URLSearchParams(query).toString()}`;
  const downloadOf = (by: 'district' | 'school'): string =>
    urlOf(`${BINDING_PATH}/report.csv`, { by, ...(filter === '' ? {} : { district: filter }) });
  const byDistrict = countsByDistrict(schools).map(({ district, counts }) => ({
    id: district,
    label: districtName(deps, ctx, district),
    href: urlOf(BINDING_PATH, { district: filterOf(district) }),
    ...numbersOf(counts),
  }));
  const lines = schools.map(({ counts, ...school }) => ({
    id: school.code,
    label: pages.schoolName(ctx, school) ?? '',
    href: schoolUrl(school.code),
    ...numbersOf(counts),
  }));
  const oldest = Math.min(...schools.map(({ countedAt }) => countedAt));
  deps.pages.show(ctx, 'console/binding-counts', {
    title: [pages.t(ctx, 'answers.title'), ...(filter === '' ? [] : [nameOf(filter)])].join(' · '),
    numbers: numbersOf(addCounts(schools.map(({ counts }) => counts))),
    tables: [...tableOf(deps, ctx, 'district', byDistrict), ...tableOf(deps, ctx, 'school', lines)],
    empty: pages.t(ctx, 'answers.notCounted'),
    downloads: [
      { href: downloadOf('district'), label: pages.t(ctx, 'answers.csvDistrict') },
      { href: downloadOf('school'), label: pages.t(ctx, 'answers.csvSchool') },
    ],
    countedAt: schools.length === 0 ? undefined : oldest,
    uncounted,
    filter:
      districts.length > 1
        ? { chosen: filter, options: districts.map((id) => ({ id, label: nameOf(id) })) }
        : undefined,
  });
}

type Unit = CountsLocals['tables'][number]['name'];

function tableOf({ pages }: HttpDeps, ctx: Context, name: Unit, lines: readonly AnswerLine[]): CountsLocals['tables'] {
  if (lines.length === 0) return [];
  const texts = {
    class: { title: pages.t(ctx, 'answers.byClass'), unit: pages.t(ctx, 'answers.class') },
    school: { title: pages.t(ctx, 'answers.bySchool'), unit: pages.t(ctx, 'answers.school') },
    district: { title: pages.t(ctx, 'answers.byDistrict'), unit: pages.t(ctx, 'answers.district') },
  };
  return [{ name, ...texts[name], lines }];
}

function lineOfClass({ pages }: HttpDeps, ctx: Context, { schoolClass, counts }: ClassAnswers): AnswerLine {
  const { id } = schoolClass;
  return { id, label: pages.className(ctx, schoolClass), href: classUrl(id), ...numbersOf(counts) };
}

function schoolLine({ pages }: HttpDeps, ctx: Context, overview: SchoolOverview): AnswerLine {
  const { school } = overview;
  const label = pages.schoolName(ctx, school) ?? '';
  return { id: school.code, label, href: schoolUrl(school.code), ...numbersOf(countsOfSchool(overview)) };
}

/** The notice after reminders were sent. */
export const SENT = 'sent';

function sentNotice(deps: HttpDeps, ctx: Context): string | undefined {
  const taken = takeNotice(deps, ctx, [SENT]);
  return taken && deps.pages.t(ctx, 'reminders.done', { count: Number(taken.values['count']) });
}
