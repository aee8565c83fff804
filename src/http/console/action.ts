import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { PERSON_ACTION_NAMES, type PersonActionName } from '../../domain/access/person-actions.ts';
import { formatOneTimeCode } from '../../domain/credentials/one-time-code.ts';
import type { PersonActionResult } from '../../services/console/person-actions.ts';
import type { PersonPage } from '../../services/console/person-page.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import { affiliationLines } from './labels.ts';
import { describeState, personIdOf } from './person.ts';
import { reasonProblem } from './reason.ts';
import type { SignedInStaff } from './session.ts';

const actionName = z.enum(PERSON_ACTION_NAMES);
const actionForm = z.object({
  action: actionName,
  version: z.coerce.number().int(),
  reason: field,
});

/** What the form shows again after an error. */
interface FormState {
  reason: string;
  status: number;
  error?: string;
  alert?: string;
}

/** `GET /console/people/:id/action?action=unlock`: says what will happen and asks for a reason. */
export async function showActionForm(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const action = actionName.safeParse(ctx.query['action']);
  const page = await deps.console.personPages.load(actor, personIdOf(ctx));
  if (page === undefined || !action.success) throw createError(404, 'no such person or action');
  renderForm(deps, ctx, page, action.data, { reason: '', status: 200 });
}

/** `POST /console/people/:id/action`: does the action once. */
export async function performAction(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const { action, version, reason } = readForm(ctx, actionForm);
  const personId = personIdOf(ctx);
  const page = await deps.console.personPages.load(actor, personId);
  if (page === undefined) throw createError(404, 'no such person in the scope of this member of staff');
  const problem = reasonProblem(deps, ctx, reason);
  if (problem !== undefined) {
    renderForm(deps, ctx, page, action, { reason, status: 422, error: problem });
    return;
  }
  const request = { actorId: actor.id, personId, action, reason: reason.trim(), version, address: ctx.ip };
  const result = await deps.console.personActions.perform(request);
  if (result.kind === 'done') showResult(deps, ctx, page, action, result);
  else renderForm(deps, ctx, page, action, { reason, ...refusal(deps, ctx, result) });
}

function refusal(
  { pages }: HttpDeps,
  ctx: Context,
  result: Exclude<PersonActionResult, { kind: 'done' }>,
): { status: number; alert: string } {
  switch (result.kind) {
    case 'denied':
      return { status: 403, alert: pages.t(ctx, `console.denied.${result.reason}`) };
    case 'needs_confirmation':
      return { status: 403, alert: pages.t(ctx, 'console.denied.needs_confirmation') };
    case 'changed_meanwhile':
      return { status: 409, alert: pages.t(ctx, 'console.changedMeanwhile') };
    case 'impossible':
      return { status: 422, alert: pages.t(ctx, `console.impossible.${result.why}`) };
  }
}

/** A one-time code is shown in this response only. Every other result is a notice on the person page. */
function showResult(
  { pages }: HttpDeps,
  ctx: Context,
  { summary }: PersonPage,
  action: PersonActionName,
  { oneTimeCode }: Extract<PersonActionResult, { kind: 'done' }>,
): void {
  if (oneTimeCode === undefined) {
    ctx.status = 303;
    ctx.redirect(`/console/people/${summary.id}?done=${action}`);
    return;
  }
  const [enrollment] = summary.enrollments;
  const [membership] = summary.memberships;
  pages.show(ctx, 'console/slip', {
    id: summary.id,
    name: summary.name,
    school: pages.schoolName(ctx, enrollment?.school ?? membership?.school) ?? '',
    code: formatOneTimeCode(oneTimeCode.code),
    expiresAt: oneTimeCode.expiresAt,
  });
}

function renderForm(deps: HttpDeps, ctx: Context, page: PersonPage, action: PersonActionName, form: FormState): void {
  const { pages } = deps;
  const { summary, version } = page;
  // The language link of an error page leads to the form.
  ctx.state['pagePath'] = `/console/people/${summary.id}/action?action=${action}`;
  pages.show(
    ctx,
    'console/action',
    {
      id: summary.id,
      name: summary.name,
      lines: affiliationLines(deps, ctx, summary),
      stateText: describeState(deps, ctx, page),
      action,
      version,
      isAllowed: page.actions.some(({ name }) => name === action),
      values: { reason: form.reason },
      errors: form.error === undefined ? {} : { reason: form.error },
      alert: form.alert ?? notAllowed(deps, ctx, page, action),
    },
    form.status,
  );
}

function notAllowed({ pages }: HttpDeps, ctx: Context, page: PersonPage, action: PersonActionName): string | undefined {
  if (page.actions.some(({ name }) => name === action)) return undefined;
  return pages.t(ctx, `console.denied.${page.denied ?? 'capacity'}`);
}
