import type { Context } from 'koa';
import { z } from 'zod';
import { OPEN_STATES } from '../../domain/binding/application.ts';
import { isRefusal } from '../../domain/binding/notice.ts';
import { maskNationalId } from '../../domain/masking.ts';
import { ACCOUNT_CLIENT_ID } from '../../services/access/client-registry.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import { redirectWithNotice, takeNoticeText } from '../pages/page-notice.ts';
import type { SignedInFamily } from './guard.ts';
import {
  appOf,
  CLOSED_NOTE,
  formVersion,
  load,
  pathOf,
  redirectToClosed,
  redirectToStep,
  toForm,
  type Opened,
} from './step.ts';

const query = z.object({ client: field.catch('') });
const form = z.object({ version: formVersion });

/** The note of the withdrawal if the application was changed after the form was shown. */
const CHANGED_NOTE = 'changed';

/** The start of the application, and its state after the submission or a refusal. A draft leads to its next step. */
export async function showStatus(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const { client } = query.parse(ctx.query);
  const isApp = client !== ACCOUNT_CLIENT_ID && deps.clients.find(client) !== undefined;
  const opened = await load(deps, ctx, family, isApp ? client : undefined);
  if (opened === undefined) return;
  const { state } = opened.view.row;
  if (state === 'draft' && !hasRefused(opened)) redirectToStep(deps, ctx, opened);
  else render(deps, ctx, opened);
}

function hasRefused({ view: { progress } }: Opened): boolean {
  return progress.answer !== undefined && isRefusal(progress.answer);
}

/** Takes the notice of a form that came too late. A withdrawal that is sent twice has the same result as one. */
function takeClosedText(deps: HttpDeps, ctx: Context, { view: { row } }: Opened): string | undefined {
  const text = takeNoticeText(deps, ctx, CLOSED_NOTE, 'binding.closed');
  return row.state === 'withdrawn' ? undefined : text;
}

function render(deps: HttpDeps, ctx: Context, opened: Opened): void {
  const { clients, pages } = deps;
  const { family, view } = opened;
  const { state, clientId, submittedAt, decidedBy } = view.row;
  const isOpen = OPEN_STATES.includes(state);
  const isRefused = isOpen && hasRefused(opened);
  pages.show(ctx, 'binding/status', {
    ...appOf(pages, ctx, clientId),
    ...{ state, student: family.student.name, submittedAt: submittedAt ?? undefined, reason: view.reason },
    refusal:
      isRefused && view.answer !== undefined
        ? { answer: view.answer.answer, version: view.answer.noticeVersion, at: view.answer.answeredAt }
        : undefined,
    applicants: view.applicants.map(({ position, data }) => ({
      ...{ position, name: data.name, nationalId: maskNationalId(data.nationalId), email: data.email },
    })),
    isApprovedByRegister: state === 'approved' && decidedBy === null,
    nextUrl: view.step && pathOf(view.step),
    restartAction: isOpen ? undefined : '/binding/restart',
    // The status page shows a draft after a refusal only: nothing was sent, and what was entered is deleted.
    withdrawUrl: isOpen && state !== 'draft' ? '/binding/withdraw' : undefined,
    appUrl: clientId === null ? undefined : clients.launchUrl(clientId),
    alert: takeClosedText(deps, ctx, opened),
  });
}

export async function restart(deps: HttpDeps, ctx: Context, { accountId }: SignedInFamily): Promise<void> {
  await deps.binding.restart({ accountId, address: ctx.ip, clientId: undefined });
  ctx.status = 303;
  ctx.redirect('/binding');
}

/** Asks for a confirmation: what was entered is deleted. */
export async function showWithdrawal(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const opened = await load(deps, ctx, family);
  if (opened !== undefined) renderWithdrawal(deps, ctx, opened);
}

function renderWithdrawal(deps: HttpDeps, ctx: Context, { family, view }: Opened): void {
  ctx.state['pagePath'] = '/binding/withdraw';
  if (!OPEN_STATES.includes(view.row.state)) {
    ctx.status = 303;
    ctx.redirect('/binding');
    return;
  }
  deps.pages.show(ctx, 'binding/withdraw', {
    ...{ state: view.row.state, version: view.row.version, student: family.student.name },
    ...{ action: '/binding/withdraw', cancelUrl: '/binding' },
    alert: takeNoticeText(deps, ctx, CHANGED_NOTE, 'binding.changed'),
  });
}

export async function withdraw(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const { version } = readForm(ctx, form);
  const result = await deps.binding.withdraw(toForm(ctx, family, version));
  if (result.kind === 'not_open') {
    redirectToClosed(deps, ctx);
    return;
  }
  if (result.kind === 'changed') {
    redirectWithNotice(deps, ctx, '/binding/withdraw', CHANGED_NOTE);
    return;
  }
  ctx.status = 303;
  ctx.redirect('/binding');
}
