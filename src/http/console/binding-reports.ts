import { stringify } from 'csv-stringify/sync';
import type { Context } from 'koa';
import { z } from 'zod';
import { FAMILY_ANSWERS, totalOf, type AnswerCounts } from '../../domain/binding/answers.ts';
import { localDateTime } from '../../domain/clock.ts';
import type { HttpDeps } from '../deps.ts';
import { countsByDistrict } from './binding-numbers.ts';
import { districtName, loadCityOverview, loadClassOverview, loadSchoolOverview } from './binding-overviews.ts';
import { CSV_OPTIONS } from './csv.ts';
import type { SignedInStaff } from './session.ts';

const cityQuery = z.object({ by: z.enum(['school', 'district']).catch('school') });

/** `GET /console/binding/report.csv?by=&district=`: one line for each school or district. It has no names of people. */
export async function downloadCity(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const { pages } = deps;
  const { schools } = await loadCityOverview(deps, ctx, staff);
  const { by } = cityQuery.parse(ctx.query);
  const lines =
    by === 'district'
      ? countsByDistrict(schools).map(({ district, counts }) => [districtName(deps, ctx, district), ...numbers(counts)])
      : schools.map(({ code, district, counts, ...names }) => [
          code,
          pages.schoolName(ctx, { code, ...names }) ?? '',
          district,
          ...numbers(counts),
        ]);
  const district = pages.t(ctx, 'answers.district');
  const first =
    by === 'district' ? [district] : [pages.t(ctx, 'bureau.school.code'), pages.t(ctx, 'answers.school'), district];
  send(ctx, `binding-${by}.csv`, [[...first, ...numberTitles(deps, ctx)], ...lines]);
}

/** `GET /console/binding/schools/:code/report.csv`: one line for each class. */
export async function downloadSchool(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const { school, classes } = await loadSchoolOverview(deps, ctx, staff);
  const lines = classes.map(({ schoolClass, counts }) => [deps.pages.className(ctx, schoolClass), ...numbers(counts)]);
  const head = [deps.pages.t(ctx, 'answers.class'), ...numberTitles(deps, ctx)];
  send(ctx, `binding-${school.code}.csv`, [head, ...lines]);
}

/** `GET /console/binding/classes/:id/report.csv?state=`: one line for each student. */
export async function downloadClass(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const { pages } = deps;
  const { schoolClass, students } = await loadClassOverview(deps, ctx, staff);
  const head = [
    pages.t(ctx, 'answers.class'),
    pages.t(ctx, 'answers.seat'),
    pages.t(ctx, 'answers.student'),
    pages.t(ctx, 'answers.stateLabel'),
    pages.t(ctx, 'answers.remindedAt'),
  ];
  const lines = students.map(({ seat, name, answer, remindedAt }) => [
    pages.className(ctx, schoolClass),
    String(seat),
    name,
    pages.t(ctx, `answers.state.${answer}`),
    remindedAt === null ? '' : localDateTime(remindedAt).replace('T', ' '),
  ]);
  send(ctx, 'binding-class.csv', [head, ...lines]);
}

function numbers(counts: AnswerCounts): string[] {
  return [totalOf(counts), ...FAMILY_ANSWERS.map((answer) => counts[answer])].map(String);
}

function numberTitles({ pages }: HttpDeps, ctx: Context): string[] {
  return [pages.t(ctx, 'answers.students'), ...FAMILY_ANSWERS.map((answer) => pages.t(ctx, `answers.state.${answer}`))];
}

function send(ctx: Context, name: string, lines: readonly (readonly string[])[]): void {
  ctx.attachment(name);
  ctx.type = 'text/csv; charset=utf-8';
  ctx.set('cache-control', 'no-store');
  ctx.body = stringify([...lines], { ...CSV_OPTIONS, record_delimiter: 'windows' });
}
