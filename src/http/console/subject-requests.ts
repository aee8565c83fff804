import type Router from '@koa/router';
import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { SUBJECT_REQUEST_ANSWERS } from '../../domain/binding/subject-requests.ts';
import {
  canSeeSubjectRequests,
  type SubjectAnswerResult,
  type SubjectRequestPage,
} from '../../services/console/subject-requests.ts';
import type { HttpDeps } from '../deps.ts';
import { field, instantVersion, parseForms, readForm } from '../forms/body.ts';
import { redirectWithNotice, takeNotice } from '../pages/page-notice.ts';
import { pathIdOf } from './path-id.ts';
import { reasonProblem, toAnswerLocals, type AnswerState } from './reason.ts';
import { nextRequestsUrl, requestPositionOf } from './request-page.ts';
import { ACTION_MAX_AGE_MS, FORM_MAX_AGE_MS, requireStaff, type SignedInStaff } from './session.ts';

const PATH = '/console/subject-requests';

/** Adds the requests of people about their data: the list by deadline, and the answer. */
export function addSubjectRequestRoutes(router: Router, deps: HttpDeps): void {
  router.get(
    '/subject-requests',
    requireStaff(deps, (ctx, staff) => showSubjectRequests(deps, ctx, staff)),
  );
  router.get(
    '/subject-requests/:id',
    requireStaff(deps, (ctx, staff) => showSubjectRequest(deps, ctx, staff), FORM_MAX_AGE_MS),
  );
  router.post(
    '/subject-requests/:id',
    parseForms(),
    requireStaff(deps, (ctx, staff) => answerSubjectRequest(deps, ctx, staff), ACTION_MAX_AGE_MS),
  );
}

async function showSubjectRequests(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  if (!canSeeSubjectRequests(actor)) throw createError(404, 'this capacity has no requests of people');
  const isOpen = ctx.query['state'] !== 'closed';
  const after = requestPositionOf(ctx);
  const { requests, next } = await deps.console.subjectRequests.list(actor, { isOpen, after });
  deps.pages.show(ctx, 'console/subject-requests', {
    isOpen,
    requests,
    nextUrl: nextRequestsUrl(PATH, next, { state: isOpen ? 'open' : 'closed' }),
  });
}

async function showSubjectRequest(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const page = await loadRequest(deps, ctx, staff);
  const done = takeNotice(deps, ctx, ['approved', 'declined', 'extended'])?.name;
  render(deps, ctx, page, { notice: done && deps.pages.t(ctx, `subjectRequest.done.${done}`) });
}

const answerForm = z.object({ answer: z.enum(SUBJECT_REQUEST_ANSWERS), version: instantVersion, reason: field });

async function answerSubjectRequest(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const page = await loadRequest(deps, ctx, staff);
  const { answer, version, reason } = readForm(ctx, answerForm);
  const problem = reasonProblem(deps, ctx, reason);
  if (problem !== undefined) {
    render(deps, ctx, page, { status: 422, reason, error: problem });
    return;
  }
  const result = await deps.console.subjectRequests.answer({
    ...{ actorId: staff.actor.id, requestId: page.id, answer, dueAt: version, address: ctx.ip },
    reason: reason.trim(),
  });
  if (result.kind === 'done') {
    redirectWithNotice(deps, ctx, `${PATH}/${page.id}`, result.state);
    return;
  }
  const current = await deps.console.subjectRequests.load(staff.actor, page.id);
  render(deps, ctx, current ?? page, { reason, ...refusal(deps, ctx, result) });
}

async function loadRequest(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<SubjectRequestPage> {
  const page = await deps.console.subjectRequests.load(actor, pathIdOf(ctx));
  if (page === undefined) throw createError(404, 'no such request in the scope of this member of staff');
  return page;
}

function refusal(
  { pages }: HttpDeps,
  ctx: Context,
  result: Exclude<SubjectAnswerResult, { kind: 'done' }>,
): { status: number; alert: string } {
  switch (result.kind) {
    case 'denied':
      return { status: 403, alert: pages.t(ctx, `console.denied.${result.reason}`) };
    case 'closed':
      return { status: 409, alert: pages.t(ctx, 'subjectRequest.closedMeanwhile') };
    case 'obstacle':
      return { status: 422, alert: pages.t(ctx, `subjectRequest.obstacle.${result.obstacle}`) };
  }
}

function render(deps: HttpDeps, ctx: Context, page: SubjectRequestPage, state: AnswerState): void {
  const { reason: answered, ...shown } = page;
  ctx.state['pagePath'] = `${PATH}/${page.id}`;
  deps.pages.show(
    ctx,
    'console/subject-request',
    {
      ...shown,
      answered,
      ...toAnswerLocals(state),
    },
    state.status ?? 200,
  );
}
