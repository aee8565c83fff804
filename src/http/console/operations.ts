import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import type { OperationConfirmLocals } from '../../presentation/page-locals/clients.ts';
import {
  DEAD_LETTER_ACTIONS,
  MAX_RETRIED_JOBS,
  type DeadLetter,
  type DeadLetterAction,
  type DeadLetterCursor,
} from '../../services/console/dead-letters.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import { redirectWithNotice, takeNotice, takeNoticeText } from '../pages/page-notice.ts';
import { reasonProblem } from './reason.ts';
import type { SignedInStaff } from './session.ts';

/** `GET /console/keys`: the state of each key. */
export async function showKeys(deps: HttpDeps, ctx: Context): Promise<void> {
  const { keys } = await deps.console.keys.list();
  const notice = takeNoticeText(deps, ctx, 'rotated', 'keys.rotated');
  deps.pages.show(ctx, 'console/keys', { keys, notice });
}

/** `GET /console/keys/rotate`. */
export async function showRotation(deps: HttpDeps, ctx: Context): Promise<void> {
  await confirmRotation(deps, ctx, { status: 200 });
}

const rotationForm = z.object({ version: field, reason: field });

/** `POST /console/keys/rotate`. */
export async function rotateKeys(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const { version, reason } = readForm(ctx, rotationForm);
  const problem = reasonProblem(deps, ctx, reason);
  if (problem !== undefined) {
    await confirmRotation(deps, ctx, { reason, error: problem, status: 422 });
    return;
  }
  const write = { actorId: actor.id, address: ctx.ip, reason: reason.trim() };
  const result = await deps.console.keys.rotate(write, version);
  switch (result) {
    case 'rotated':
      redirectWithNotice(deps, ctx, '/console/keys', 'rotated');
      return;
    case 'too_early':
      await confirmRotation(deps, ctx, { reason, alert: deps.pages.t(ctx, 'keys.tooEarly'), status: 409 });
      return;
    case 'changed_meanwhile':
      await confirmRotation(deps, ctx, { reason, alert: deps.pages.t(ctx, 'keys.changedMeanwhile'), status: 409 });
      return;
    case 'denied':
      throw createError(403, 'the member of staff does not administer the city any more');
  }
}

interface ConfirmState {
  reason?: string;
  error?: string;
  alert?: string;
  status: number;
}

async function confirmRotation(deps: HttpDeps, ctx: Context, state: ConfirmState): Promise<void> {
  const { t } = translator(deps, ctx);
  confirm(deps, ctx, state, {
    section: 'keys',
    title: t('keys.rotate'),
    effect: t('keys.effect'),
    detail: undefined,
    action: '/console/keys/rotate',
    button: { value: 'rotate', isDanger: false },
    hidden: [{ name: 'version', value: (await deps.console.keys.list()).version }],
    backUrl: '/console/keys',
  });
}

function translator({ pages }: HttpDeps, ctx: Context): { t: (key: string) => string } {
  return { t: (key) => pages.t(ctx, key) };
}

function confirm(
  { pages }: HttpDeps,
  ctx: Context,
  { reason = '', error, alert, status }: ConfirmState,
  locals: Omit<OperationConfirmLocals, 'values' | 'errors' | 'alert'>,
): void {
  const errors = error === undefined ? {} : { reason: error };
  pages.show(ctx, 'console/operation-confirm', { ...locals, values: { reason }, errors, alert }, status);
}

const cursor = z.object({ deadAt: z.coerce.number().int(), id: z.string().min(1).max(100) });

/** `GET /console/dead-letters`: mails and logout notices that were given up. `deadAt` and `id` continue after one. */
export async function showDeadLetters(deps: HttpDeps, ctx: Context): Promise<void> {
  const { pages, console: services } = deps;
  const after = cursor.safeParse({ ...ctx.query });
  const { letters, next } = await services.deadLetters.list(after.success ? after.data : undefined);
  const taken = takeNotice(deps, ctx, DEAD_LETTER_ACTIONS);
  pages.show(ctx, 'console/dead-letters', {
    letters: letters.map((letter) => ({ ...letter, recipient: recipientText(deps, ctx, letter) })),
    nextUrl: next && nextUrl(next),
    notice: taken && pages.t(ctx, `deadLetters.done.${taken.name}`, { count: Number(taken.values['count']) }),
  });
}

function nextUrl({ deadAt, id }: DeadLetterCursor): string {
  return `/console/dead-letters?${new URLSearchParams({ deadAt: String(deadAt), id }).toString()}`;
}

function recipientText({ pages }: HttpDeps, ctx: Context, { kind, recipient }: DeadLetter): string {
  if (recipient === undefined) return '—';
  return kind === 'mail' ? recipient : pages.appName(ctx, recipient);
}

const actionName = z.enum(DEAD_LETTER_ACTIONS);
const actionForm = z.object({ action: actionName, job: field, reason: field });

/** `GET /console/dead-letters/action?action=&job=`. */
export async function showDeadLetterAction(deps: HttpDeps, ctx: Context): Promise<void> {
  const parsed = z.object({ action: actionName, job: z.string().default('') }).safeParse({ ...ctx.query });
  if (!parsed.success) throw createError(404, 'no such action');
  const { action, job } = parsed.data;
  await confirmDeadLetterAction(deps, ctx, { action, job }, { status: 200 });
}

/** `POST /console/dead-letters/action`. */
export async function performDeadLetterAction(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const { action, job, reason } = readForm(ctx, actionForm);
  const problem = reasonProblem(deps, ctx, reason);
  if (problem !== undefined) {
    await confirmDeadLetterAction(deps, ctx, { action, job }, { reason, error: problem, status: 422 });
    return;
  }
  const write = { actorId: actor.id, address: ctx.ip, reason: reason.trim() };
  const result = await deps.console.deadLetters.perform(write, action, job);
  switch (result.kind) {
    case 'done':
      redirectWithNotice(deps, ctx, '/console/dead-letters', action, { count: String(result.count) });
      return;
    case 'gone':
      await confirmDeadLetterAction(
        deps,
        ctx,
        { action, job },
        { reason, alert: deps.pages.t(ctx, 'deadLetters.gone'), status: 409 },
      );
      return;
    case 'denied':
      throw createError(403, 'the member of staff does not administer the city any more');
  }
}

async function confirmDeadLetterAction(
  deps: HttpDeps,
  ctx: Context,
  { action, job }: { action: DeadLetterAction; job: string },
  state: ConfirmState,
): Promise<void> {
  const letter = action === 'retry-all' ? undefined : await deps.console.deadLetters.find(job);
  if (letter === undefined && action !== 'retry-all' && state.alert === undefined)
    throw createError(404, 'no such job');
  const { pages } = deps;
  ctx.state['pagePath'] = `/console/dead-letters/action?${new URLSearchParams({ action, job }).toString()}`;
  confirm(deps, ctx, state, {
    section: 'dead-letters',
    title: pages.t(ctx, `deadLetters.action.${action}.title`),
    effect: pages.t(ctx, `deadLetters.action.${action}.effect`, { max: MAX_RETRIED_JOBS }),
    detail: letter && recipientText(deps, ctx, letter),
    action: '/console/dead-letters/action',
    button: { value: action, isDanger: action === 'drop' },
    hidden: [{ name: 'job', value: job }],
    backUrl: '/console/dead-letters',
  });
}
