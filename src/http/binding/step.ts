import type { Context } from 'koa';
import type { BindingStep } from '../../domain/binding/steps.ts';
import { canOpenStep, stepsOf } from '../../domain/binding/steps.ts';
import { isRefusal } from '../../domain/binding/notice.ts';
import type { BindingShell } from '../../presentation/page-locals/binding.ts';
import type { FamilyForm, Refused } from '../../services/binding/application-edit.ts';
import type { OpenedApplication } from '../../services/binding/applications.ts';
import type { HttpDeps } from '../deps.ts';
import { rowVersion } from '../forms/body.ts';
import type { SignedInFamily } from './guard.ts';

export type Opened = Extract<OpenedApplication, { kind: 'open' }>;

/** A missing version is the version of no application. */
export const formVersion = rowVersion.catch(0);

/** Notes above a page: the redirect that leads to it names one of them. */
const NOTES = ['order', 'code', 'removed', 'added', 'conflict'] as const;
export type Note = (typeof NOTES)[number];

/** Rejected input: messages of the fields, and of the whole form. */
export interface Problem {
  status: number;
  errors?: Readonly<Record<string, string>>;
  alert?: string;
}

export function pathOf(step: BindingStep): string {
  return `/binding/${step.replace('-', '/')}`;
}

export function toForm(ctx: Context, { accountId }: SignedInFamily, version: number): FamilyForm {
  return { accountId, version, address: ctx.ip };
}

/** Loads the application for a step. Redirects to the step that comes first, or to the status page, and returns undefined otherwise. */
export async function openStep(
  deps: HttpDeps,
  ctx: Context,
  family: SignedInFamily,
  step: BindingStep,
): Promise<Opened | undefined> {
  ctx.state['pagePath'] = pathOf(step);
  const opened = await load(deps, ctx, family);
  if (opened === undefined) return undefined;
  if (canOpenStep(step, opened.view.progress)) return opened;
  redirectToStep(ctx, opened, 'order');
  return undefined;
}

/** Loads the application of the family. Shows a page and returns undefined if the student has left the school. */
export async function load(
  deps: HttpDeps,
  ctx: Context,
  { accountId }: SignedInFamily,
  clientId?: string,
): Promise<Opened | undefined> {
  const opened = await deps.binding.open({ accountId, address: ctx.ip, clientId });
  if (opened.kind === 'open') return opened;
  ctx.state['pagePath'] = '/binding';
  deps.pages.show(ctx, 'binding/ended', {}, 403);
  return undefined;
}

/** Redirects to the first incomplete step, or to the status page if there is none or the family has refused. */
export function redirectToStep(ctx: Context, { view }: Opened, note?: Note): void {
  const isRefused = view.progress.answer !== undefined && isRefusal(view.progress.answer);
  ctx.status = 303;
  if (view.step === undefined || (isRefused && note === undefined)) ctx.redirect('/binding');
  else ctx.redirect(`${pathOf(view.step)}${note === undefined ? '' : `?note=${note}`}`);
}

/** Continues after a step was stored. */
export async function redirectToNext(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const opened = await load(deps, ctx, family);
  if (opened !== undefined) redirectToStep(ctx, opened);
}

/**
 * Answers a form that stored nothing: redirects if the step cannot be changed now; shows the form again, with what was entered, if the
 * application was changed meanwhile.
 */
export async function answerRefused(
  deps: HttpDeps,
  ctx: Context,
  family: SignedInFamily,
  { step, refused, show }: { step: BindingStep; refused: Refused; show: (opened: Opened, problem: Problem) => void },
): Promise<void> {
  const opened = await openStep(deps, ctx, family, step);
  if (opened === undefined) return;
  if (refused.kind === 'not_open') redirectToStep(ctx, opened, 'order');
  else show(opened, { status: 409, alert: deps.pages.t(ctx, 'binding.changed') });
}

/** Returns what every page of a step shows. */
export function shellOf(
  { pages }: HttpDeps,
  ctx: Context,
  { family, view }: Opened,
  step: BindingStep,
  problem: Problem = { status: 200 },
): BindingShell {
  const steps = stepsOf(view.row.applicantKind ?? undefined);
  const at = steps.indexOf(step);
  const before = steps[at - 1];
  const note = NOTES.find((name) => name === ctx.query['note']);
  return {
    ...appOf(pages, ctx, view.row.clientId),
    ...{ state: view.row.state, version: view.row.version, action: pathOf(step), student: family.student.name },
    progress: { position: at + 1, count: steps.length },
    backUrl: before && pathOf(before),
    reason: view.row.state === 'returned' ? view.reason : undefined,
    notice: note !== undefined && ctx.method === 'GET' ? pages.t(ctx, `binding.note.${note}`) : undefined,
    errors: problem.errors ?? {},
    alert: problem.alert,
  };
}

/** Names the relying party that the family came from. */
export function appOf(
  pages: HttpDeps['pages'],
  ctx: Context,
  clientId: string | null,
): { app?: { name: string } | undefined } {
  return clientId === null ? {} : { app: { name: pages.appName(ctx, clientId) } };
}
