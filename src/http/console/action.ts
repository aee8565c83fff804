import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import {
  GUARDIANSHIP_ACTION_NAMES,
  guardianshipActionOf,
  hasInput,
  PERSON_ACTION_NAMES,
  type PersonActionName,
  type StaffChangeName,
} from '../../domain/access/person-actions.ts';
import { formatOneTimeCode } from '../../domain/credentials/one-time-code.ts';
import type { DoneAction, PersonActionResult } from '../../services/console/person-actions.ts';
import type { PersonPage } from '../../services/console/person-page.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm, rowVersion } from '../forms/body.ts';
import { redirectWithNotice } from '../pages/page-notice.ts';
import { affiliationLines, formatLogin } from './labels.ts';
import { previewMerge } from './merge.ts';
import { describeState } from './person.ts';
import { reasonProblem } from './reason.ts';
import type { SignedInStaff } from './session.ts';
import { pathIdOf } from './path-id.ts';

const actionName = z.enum(PERSON_ACTION_NAMES);
const actionForm = z.object({
  action: actionName,
  version: rowVersion,
  reason: field,
  value: field,
  step: field,
});

/** Longest value that a form shows again, in characters. */
const MAX_VALUE_LENGTH = 300;

/** Actions that rest on a document. The hint of the reason gives another example. */
const DOCUMENT_ACTIONS: readonly PersonActionName[] = [
  ...(['correct-name', 'correct-national-id', 'reveal-national-id', 'merge', 'undo-merge'] as const),
  ...GUARDIANSHIP_ACTION_NAMES,
];
/** Actions that take access away; their button is red. */
const DESTRUCTIVE_ACTIONS: readonly PersonActionName[] = ['disable', 'suspend-guardianship', 'revoke-guardianship'];

/** The values and messages of a form. After an error it keeps the typed reason. */
interface ActionFormState {
  reason: string;
  value: string;
  status: number;
  error?: string;
  alert?: string;
  mergeUrl?: string | undefined;
}

/** `GET /console/people/:id/action?action=unlock`: says what will happen and asks for a reason. */
export async function showActionForm(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const action = actionName.safeParse(ctx.query['action']);
  const page = await deps.console.personPages.view(actor, pathIdOf(ctx), ctx.ip);
  if (page === undefined || !action.success) throw createError(404, 'no such person or action');
  const value = ctx.query['value'];
  const state = { reason: '', value: typeof value === 'string' ? value.slice(0, MAX_VALUE_LENGTH) : '', status: 200 };
  renderActionForm(deps, ctx, page, action.data, state);
}

/** `POST /console/people/:id/action`: does the action once, or requests it. */
export async function performAction(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const { actor } = staff;
  const personId = pathIdOf(ctx);
  const page = await deps.console.personPages.load(actor, personId);
  if (page === undefined) throw createError(404, 'no such person in the scope of this member of staff');
  const { action, version, reason, value, step } = readForm(ctx, actionForm);
  const form = { reason, value: value.slice(0, MAX_VALUE_LENGTH) };
  const problem = reasonProblem(deps, ctx, reason);
  if (problem !== undefined) {
    renderActionForm(deps, ctx, page, action, { ...form, status: 422, error: problem });
    return;
  }
  if (action === 'merge' && step !== 'confirm') {
    await previewMerge(deps, ctx, staff, { page, ...form });
    return;
  }
  const request = {
    actorId: actor.id,
    personId,
    action,
    input: value,
    reason: reason.trim(),
    version,
    address: ctx.ip,
  };
  const result = await deps.console.personActions.perform(request);
  if (result.kind === 'done') {
    await showDone(deps, ctx, staff, { page, action, value, result });
    return;
  }
  if (result.kind === 'requested') {
    ctx.status = 303;
    ctx.redirect(`/console/requests/${result.requestId}`);
    return;
  }
  // The page as it is now: a colleague may have changed it.
  const current = (await deps.console.personPages.load(actor, personId)) ?? page;
  const isTaken = result.kind === 'impossible' && result.why === 'national_id_taken';
  const mergeUrl = isTaken ? await findMergeUrl(deps, staff, personId, value) : undefined;
  renderActionForm(deps, ctx, current, action, { ...form, mergeUrl, ...actionRefusal(deps, ctx, result) });
}

interface Done {
  page: PersonPage;
  action: PersonActionName;
  value: string;
  result: DoneAction;
}

/** The end of a guardianship can move the guardian out of scope. The page of the pupil remains. */
async function showDone(
  deps: HttpDeps,
  ctx: Context,
  { actor }: SignedInStaff,
  { page, action, value, result }: Done,
): Promise<void> {
  const isInScope = (await deps.console.personPages.load(actor, page.summary.id)) !== undefined;
  const pupil = isInScope ? undefined : page.guardianships.find(({ id }) => id === value)?.student;
  showResult(deps, ctx, { summary: { ...page.summary, ...pupil } }, action, result);
}

/** Returns the form that merges this account into the one with a national ID, if the member of staff may do that. */
async function findMergeUrl(
  { console: { search, personPages } }: HttpDeps,
  { actor }: SignedInStaff,
  personId: string,
  nationalId: string,
): Promise<string | undefined> {
  const [owner] = (await search.find(actor, nationalId, undefined)).people;
  const page = owner && (await personPages.load(actor, owner.id));
  if (page?.actions.some(({ name }) => name === 'merge') !== true) return undefined;
  return `/console/people/${page.summary.id}/action?action=merge&value=${personId}`;
}

/** Says why an action was not done. */
export function actionRefusal(
  { pages }: HttpDeps,
  ctx: Context,
  result: Exclude<PersonActionResult, { kind: 'done' | 'requested' }>,
): { status: number; alert: string } {
  switch (result.kind) {
    case 'denied':
      return { status: 403, alert: pages.t(ctx, `console.denied.${result.reason}`) };
    case 'changed_meanwhile':
      return { status: 409, alert: pages.t(ctx, 'console.changedMeanwhile') };
    case 'impossible':
      return { status: 422, alert: pages.t(ctx, `console.impossible.${result.why}`) };
  }
}

/** A one-time code or an ID is shown in this response only. Every other result is a notice on the person page. */
export function showResult(
  deps: HttpDeps,
  ctx: Context,
  { summary }: Pick<PersonPage, 'summary'>,
  action: StaffChangeName,
  { oneTimeCode, revealed }: DoneAction,
): void {
  const { pages, issuer } = deps;
  if (revealed !== undefined) {
    pages.show(ctx, 'console/national-id', { id: summary.id, name: summary.name, nationalId: revealed });
    return;
  }
  if (oneTimeCode === undefined) {
    redirectWithNotice(deps, ctx, `/console/people/${summary.id}`, action);
    return;
  }
  const [enrollment] = summary.enrollments;
  const [membership] = summary.memberships;
  pages.show(ctx, 'console/slip', {
    id: summary.id,
    name: summary.name,
    school: pages.schoolName(ctx, enrollment?.school ?? membership?.school) ?? '',
    logins: summary.logins.map(formatLogin),
    signInUrl: `${issuer}/account`,
    code: formatOneTimeCode(oneTimeCode.code),
    expiresAt: oneTimeCode.expiresAt,
  });
}

export function renderActionForm(
  deps: HttpDeps,
  ctx: Context,
  page: PersonPage,
  action: PersonActionName,
  form: ActionFormState,
): void {
  const { pages } = deps;
  const { summary, version, guardianships } = page;
  const allowed = page.actions.find(({ name }) => name === action);
  const isOfGuardianship = guardianshipActionOf(action) !== undefined;
  const guardianship = isOfGuardianship ? guardianships.find(({ id }) => id === form.value) : undefined;
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
      isAllowed: allowed !== undefined,
      needsConfirmation: allowed?.needsConfirmation === true,
      mergeUrl: form.mergeUrl,
      hasInput: hasInput(action),
      isOnDocuments: DOCUMENT_ACTIONS.includes(action),
      isDestructive: DESTRUCTIVE_ACTIONS.includes(action),
      child: guardianship?.student.name,
      values: { reason: form.reason, value: form.value },
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
