import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { guardianshipActionOf } from '../../domain/access/person-actions.ts';
import { formatLocalMobile } from '../../domain/credentials/identifiers.ts';
import { maskNationalId } from '../../domain/masking.ts';
import { readDescribedDuty } from '../../services/console/duty-effects.ts';
import type { StaffRequestPage } from '../../services/console/request-list.ts';
import { canSeeRequests, REQUEST_ANSWERS, type AnswerResult } from '../../services/console/staff-requests.ts';
import { canSeeSubjectRequests } from '../../services/console/subject-requests.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm, rowVersion } from '../forms/body.ts';
import { redirectWithNotice, takeNotice } from '../pages/page-notice.ts';
import { showResult } from './action.ts';
import { pathIdOf } from './path-id.ts';
import { reasonProblem, toAnswerLocals, type AnswerState } from './reason.ts';
import { nextRequestsUrl, requestPositionOf } from './request-page.ts';
import type { SignedInStaff } from './session.ts';

/** `GET /console/requests?state=closed`: requests that wait for a colleague, or the history. */
export async function showRequests(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  if (!canSeeRequests(actor)) throw createError(404, 'this capacity has no requests');
  const isOpen = ctx.query['state'] !== 'closed';
  const after = requestPositionOf(ctx);
  const { requests, next } = await deps.console.requests.list(actor, { isOpen, after });
  deps.pages.show(ctx, 'console/requests', {
    isOpen,
    subjectRequests: canSeeSubjectRequests(actor)
      ? await deps.console.waitingWork.countSubjectRequests(actor)
      : undefined,
    requests,
    nextUrl: nextRequestsUrl('/console/requests', next, { state: isOpen ? 'open' : 'closed' }),
  });
}

/** `GET /console/requests/:id`: what will change, who asked for it, and the answer. */
export async function showRequest(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const page = await loadRequest(deps, ctx, staff);
  const done = takeNotice(deps, ctx, ['declined', 'withdrawn'])?.name;
  renderRequest(deps, ctx, page, { notice: done && deps.pages.t(ctx, `requests.done.${done}`) });
}

const answerForm = z.object({
  answer: z.enum(REQUEST_ANSWERS),
  version: rowVersion,
  reason: field,
});

/** `POST /console/requests/:id`: confirms, declines or withdraws a request once. */
export async function answerRequest(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const page = await loadRequest(deps, ctx, staff);
  const { answer, version, reason } = readForm(ctx, answerForm);
  const problem = reasonProblem(deps, ctx, reason);
  if (problem !== undefined) {
    renderRequest(deps, ctx, page, { status: 422, reason, error: problem });
    return;
  }
  const result = await deps.console.requests.answer({
    ...{ actorId: staff.actor.id, requestId: page.id, answer, version, address: ctx.ip },
    reason: reason.trim(),
  });
  if (result.kind === 'declined' || result.kind === 'withdrawn') {
    redirectWithNotice(deps, ctx, `/console/requests/${page.id}`, result.kind);
    return;
  }
  if (result.kind === 'done') {
    const person = await deps.console.personPages.load(staff.actor, result.personId);
    if (person === undefined) throw createError(404, 'the person has left the scope of this member of staff');
    showResult(deps, ctx, person, result.action, result);
    return;
  }
  const current = await deps.console.requests.load(staff.actor, page.id);
  renderRequest(deps, ctx, current ?? page, { reason, ...refusal(deps, ctx, result) });
}

async function loadRequest(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<StaffRequestPage> {
  const page = await deps.console.requests.load(actor, pathIdOf(ctx));
  if (page === undefined) throw createError(404, 'no such request in the scope of this member of staff');
  return page;
}

type Refused = Exclude<AnswerResult, { kind: 'done' | 'declined' | 'withdrawn' }>;

function refusal({ pages }: HttpDeps, ctx: Context, result: Refused): { status: number; alert: string } {
  switch (result.kind) {
    case 'denied':
      return { status: 403, alert: pages.t(ctx, `console.denied.${result.reason}`) };
    case 'changed_meanwhile':
      return { status: 409, alert: pages.t(ctx, 'console.changedMeanwhile') };
    case 'closed':
      return { status: 409, alert: pages.t(ctx, 'requests.closedMeanwhile') };
    case 'void': {
      const why =
        result.why === undefined
          ? pages.t(ctx, 'requests.voidCapacity')
          : pages.t(ctx, `console.impossible.${result.why}`);
      return { status: 409, alert: `${pages.t(ctx, 'requests.voidNow')} ${why}` };
    }
  }
}

function renderRequest(deps: HttpDeps, ctx: Context, page: StaffRequestPage, state: AnswerState): void {
  ctx.state['pagePath'] = `/console/requests/${page.id}`;
  deps.pages.show(
    ctx,
    'console/request',
    {
      ...page,
      before: formatValue(deps, ctx, page, page.before),
      after: formatValue(deps, ctx, page, page.after),
      ...toAnswerLocals(state),
    },
    state.status ?? 200,
  );
}

/** Formats a value as people write it. A national ID stays masked. */
function formatValue({ pages }: HttpDeps, ctx: Context, { action }: StaffRequestPage, value: string): string {
  if (value === '') return '';
  if (action === 'change-mobile') return formatLocalMobile(value);
  if (action === 'correct-national-id') return maskNationalId(value);
  const described = readDescribedDuty(value);
  if (described !== undefined && (action === 'grant-duty' || action === 'end-duty')) {
    const { duty, schoolCode, period } = described;
    return [pages.t(ctx, `bureau.duty.${duty}`), schoolCode, period].join(' · ');
  }
  return guardianshipActionOf(action) === undefined ? value : pages.t(ctx, `guardianshipState.${value}`);
}
