import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { administersCity } from '../../domain/access/policy.ts';
import { currentEnrollments } from '../../domain/acting/contexts.ts';
import { localDate } from '../../domain/clock.ts';
import { DAY_MS } from '../../domain/duration.ts';
import { REVIEWED_STATES, type QueueFilter, type QueueLine } from '../../services/binding/application-pages.ts';
import { canReview } from '../../services/binding/review.ts';
import type { HttpDeps } from '../deps.ts';
import { classLine } from './classes.ts';
import type { SignedInStaff } from './session.ts';

/** Ages of the filter, in days. */
const AGES = [3, 7, 14, 30];

const MAX_PARAMETER_LENGTH = 100;
const parameter = z.string().max(MAX_PARAMETER_LENGTH).catch('');
const instant = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).catch(0);
const query = z.object({
  state: z.enum(REVIEWED_STATES).catch('submitted'),
  school: parameter,
  class: parameter,
  age: parameter,
  at: instant,
  id: parameter,
});

/** `GET /console/applications`: the applications that the member of staff reviews, the oldest first. */
export async function showApplications(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  if (!canReview(actor)) throw createError(404, 'this capacity reviews no applications');
  const { at, id, ...filter } = query.parse(ctx.query);
  const { lines, next } = await deps.console.applicationPages.list(actor, {
    ...toSearch(filter, deps.clock.now()),
    after: id === '' ? undefined : { at, id },
  });
  const isBureau = administersCity(actor);
  const schools = isBureau ? await deps.console.schools.list() : await deps.console.authorization.listSchools(actor);
  const classes = isBureau ? [] : await deps.console.classPages.list(actor);
  const nextQuery = next && new URLSearchParams({ ...filter, at: String(next.at), id: next.id });
  deps.pages.show(ctx, 'console/applications', {
    filter,
    states: REVIEWED_STATES,
    ages: AGES,
    schools: schools.map((school) => ({ value: school.code, label: deps.pages.schoolName(ctx, school) ?? '' })),
    classes: classes.map((one) => classLine(deps, ctx, one)),
    needsSchool: isBureau && filter.school === '',
    applications: lines.map((line) => applicationLine(deps, ctx, line)),
    nextUrl: nextQuery && `/console/applications?${nextQuery.toString()}`,
  });
}

function toSearch(
  { state, school, class: classId, age }: Omit<z.infer<typeof query>, 'at' | 'id'>,
  now: number,
): Omit<QueueFilter, 'after'> {
  const days = AGES.find((one) => String(one) === age);
  return {
    state,
    schoolCode: school === '' ? undefined : school,
    classId: classId === '' ? undefined : classId,
    until: days === undefined ? undefined : now - days * DAY_MS,
  };
}

function applicationLine(deps: HttpDeps, ctx: Context, { student, ...line }: QueueLine) {
  const { pages, clock } = deps;
  const places = currentEnrollments(student.enrollments, localDate(clock.now())).map((place) =>
    pages.t(ctx, 'review.place', {
      school: pages.schoolName(ctx, place.school) ?? place.school.code,
      ...{ class: pages.className(ctx, place), seat: place.seat },
    }),
  );
  return {
    id: line.id,
    student: student.name,
    places,
    kind: line.applicantKind,
    state: line.state,
    submittedAt: line.submittedAt,
    ageDays: line.state === 'submitted' ? Math.floor((clock.now() - line.submittedAt) / DAY_MS) : undefined,
  };
}
