import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { BULK_ACTIONS } from '../../domain/access/bulk-actions.ts';
import { administersCity } from '../../domain/access/policy.ts';
import { localDate } from '../../domain/clock.ts';
import { currentTerm, isSameTerm } from '../../domain/term.ts';
import type { ClassPage, ClassRow, SchoolClass } from '../../services/console/classes.ts';
import type { PageLocals } from '../../presentation/page-locals/index.ts';
import type { ClassLine } from '../../presentation/page-locals/staff-changes.ts';
import { ownerOf, type TypedForm } from '../account/session.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import { pathIdOf } from './path-id.ts';
import { reasonProblem } from './reason.ts';
import type { SignedInStaff } from './session.ts';

/** `GET /console/classes?school=`: the classes of the member of staff. The bureau chooses a school first. */
export async function showClasses(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const { pages } = deps;
  const chosen = typeof ctx.query['school'] === 'string' ? ctx.query['school'] : undefined;
  const classes = await deps.console.classPages.list(actor, chosen);
  const schools = administersCity(actor) && chosen === undefined ? await deps.console.schools.list() : [];
  pages.show(ctx, 'console/classes', {
    classes: classes.map((one) => classLine(deps, ctx, one)),
    schools: schools.map((school) => ({ code: school.code, name: pages.schoolName(ctx, school) ?? '' })),
  });
}

/** Names a class as pages show it. */
export function classLine({ pages }: HttpDeps, ctx: Context, one: SchoolClass): ClassLine {
  return { id: one.id, title: pages.className(ctx, one), school: pages.schoolName(ctx, one.school) ?? '' };
}

/** `GET /console/classes/:id`: pupils and guardians, and who has never signed in or is locked. */
export async function showClass(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const page = await deps.console.classPages.view(staff.actor, pathIdOf(ctx), ctx.ip);
  if (page === undefined) throw createError(404, 'no such class in the scope of this member of staff');
  const kept = await deps.unsentForms.find(ownerOf(staff), ctx.path);
  const isKept = Object.keys(kept).length > 0;
  const { reason = '', person = '' } = kept;
  renderClass(deps, ctx, page, {
    values: { reason, scope: scopeField.parse(kept['scope']), chosen: person.split(',') },
    status: 200,
    notice: isKept ? deps.pages.t(ctx, 'notice.confirmed') : undefined,
  });
}

const ids = z.union([z.string(), z.array(z.string())]).default([]);
const scopeField = z.enum(['chosen', 'never', 'class']).default('chosen');
const bulkValues = z.object({ scope: scopeField, person: ids, reason: field });
const bulkForm = bulkValues.extend({ action: z.enum(BULK_ACTIONS) });

/** Reads what the page shows again after a sign-in: all but the button. */
export function typedBulkForm(ctx: Context): ReturnType<TypedForm> {
  const { scope, person, reason } = readForm(ctx, bulkValues);
  return { path: ctx.path, fields: { scope, person: [person].flat().join(','), reason } };
}

/** `POST /console/classes/:id`: stores a dry run for the chosen people, for those who never signed in, or for the whole class. */
export async function prepareBulkRun(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const { actor } = staff;
  const classId = pathIdOf(ctx);
  const page = await deps.console.classPages.view(actor, classId, ctx.ip);
  if (page === undefined) throw createError(404, 'no such class in the scope of this member of staff');
  const { action, scope, person, reason } = readForm(ctx, bulkForm);
  const chosen = [person].flat();
  const personIds = { chosen, never: listNeverSignedIn(page), class: undefined }[scope];
  const isEmpty = personIds?.length === 0 && scope !== 'class';
  const nothing = isEmpty ? deps.pages.t(ctx, `classView.nothing.${scope}`) : undefined;
  const problem = reasonProblem(deps, ctx, reason) ?? nothing;
  if (problem !== undefined) {
    renderClass(deps, ctx, page, { values: { reason, scope, chosen }, status: 422, alert: problem });
    return;
  }
  const runId = await deps.console.bulkRuns.prepare({
    ...{ actor, classId, action, reason: reason.trim(), address: ctx.ip },
    personIds,
  });
  if (runId === undefined) throw createError(404, 'no such class in the scope of this member of staff');
  await deps.unsentForms.delete(ownerOf(staff));
  ctx.status = 303;
  ctx.redirect(`/console/bulk/${runId}`);
}

function renderClass(
  deps: HttpDeps,
  ctx: Context,
  { schoolClass, rows }: ClassPage,
  form: { values: PageLocals['console/class']['values']; status: number; alert?: string; notice?: string | undefined },
): void {
  const allowed = new Set(rows.flatMap(({ actions }) => actions));
  ctx.state['pagePath'] = `/console/classes/${schoolClass.id}`;
  deps.pages.show(
    ctx,
    'console/class',
    {
      ...classLine(deps, ctx, schoolClass),
      isCurrent: isSameTerm(schoolClass, currentTerm(localDate(deps.clock.now()))),
      rows: rows.map((row) => ({
        id: row.personId,
        name: row.name,
        kind: row.kind,
        pupil: row.pupil.name,
        seat: row.pupil.seat,
        state: stateGroup(row),
      })),
      actions: BULK_ACTIONS.filter((action) => allowed.has(action)),
      values: form.values,
      alert: form.alert,
      notice: form.notice,
    },
    form.status,
  );
}

/** Lists the people whose account was never used. */
function listNeverSignedIn({ rows }: ClassPage): string[] {
  return rows.filter((row) => stateGroup(row) === 'never').map(({ personId }) => personId);
}

/** Groups the states of an account for a list. */
function stateGroup({ state }: ClassRow): 'active' | 'never' | 'locked' | 'disabled' | 'code' {
  switch (state.kind) {
    case 'locked':
    case 'delayed':
    case 'second_factor_locked':
      return 'locked';
    case 'first_password':
    case 'no_password':
      return 'never';
    case 'one_time_code':
      return 'code';
    case 'active':
    case 'disabled':
      return state.kind;
  }
}
