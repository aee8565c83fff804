import type { Context } from 'koa';
import type { BindingStep } from '../../domain/binding/steps.ts';
import { canOpenStep, stepsOf } from '../../domain/binding/steps.ts';
import { isRefusal } from '../../domain/binding/notice.ts';
import type { BindingShell } from '../../presentation/page-locals/binding.ts';
import type { FamilyForm } from '../../services/binding/application-edit.ts';
import type { OpenedApplication } from '../../services/binding/applications.ts';
import type { StepInput, StepProblem } from '../../services/binding/step-input.ts';
import type { HttpDeps } from '../deps.ts';
import { field, rowVersion } from '../forms/body.ts';
import { redirectWithNotice, takeNotice } from '../pages/page-notice.ts';
import type { SignedInFamily } from './guard.ts';

export type Opened = Extract<OpenedApplication, { kind: 'open' }>;

/** A missing version is the version of no application. */
export const formVersion = rowVersion.catch(0);

/** Notes above a page, as notices of the redirect that leads to it. */
const NOTES = ['order', 'code', 'removed', 'added'] as const;
export type Note = (typeof NOTES)[number];

/** The note of the status page after a form of an application that had been sent or decided. */
export const CLOSED_NOTE = 'closed';

/** Rejected input: messages of the fields, and of the whole form. */
export interface Problem {
  errors?: Readonly<Record<string, string>>;
  alert?: string;
}

/** The name of the button that leads to the previous step. */
export const backButton = field;

type Fields = StepInput['fields'];

/** A submission of a step. */
export interface Sent {
  step: BindingStep;
  version: number;
  fields: Fields;
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
  redirectToStep(deps, ctx, opened, 'order');
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
export function redirectToStep(deps: HttpDeps, ctx: Context, { view }: Opened, note?: Note): void {
  const isRefused = view.progress.answer !== undefined && isRefusal(view.progress.answer);
  if (view.step !== undefined && note !== undefined) {
    redirectWithNotice(deps, ctx, pathOf(view.step), note);
    return;
  }
  ctx.status = 303;
  ctx.redirect(view.step === undefined || isRefused ? '/binding' : pathOf(view.step));
}

/** Continues after a step was stored. */
export async function redirectToNext(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const opened = await load(deps, ctx, family);
  if (opened !== undefined) redirectToStep(deps, ctx, opened);
}

/**
 * Answers a rejected submission: stores what was typed and why it was rejected, and redirects to the page, which shows both. So a reload
 * and the history of the browser send nothing again.
 */
export async function answerRejected(
  deps: HttpDeps,
  ctx: Context,
  family: SignedInFamily,
  { step, fields }: Pick<Sent, 'step' | 'fields'>,
  problem: StepProblem | { kind: 'not_open' },
): Promise<void> {
  const { accountId } = family;
  const isKept =
    problem.kind !== 'not_open' &&
    (await deps.binding.keepInput({ accountId, step, input: { fields, problem } })).kind === 'saved';
  if (isKept) redirectTo(ctx, step);
  else await redirectToOpen(deps, ctx, family, step);
}

/** Leads to the previous step. What was typed and differs from what is stored is kept until the family comes forward again. */
export async function goBack(
  deps: HttpDeps,
  ctx: Context,
  family: SignedInFamily,
  { step, version, fields }: Sent,
  storedFields: (view: Opened['view']) => Fields,
): Promise<void> {
  const opened = await openStep(deps, ctx, family, step);
  if (opened === undefined) return;
  const { row } = opened.view;
  const stored = storedFields(opened.view);
  const isTyped = Object.entries(fields).some(([name, value]) => value !== (stored[name] ?? ''));
  const problem = version === row.version ? {} : { problem: { kind: 'changed' as const } };
  const input = isTyped ? { fields, ...problem } : undefined;
  const kept = await deps.binding.keepInput({ accountId: family.accountId, step, input });
  const before = stepBefore(opened, step);
  if (kept.kind === 'saved' && before !== undefined) redirectTo(ctx, before);
  else await redirectToOpen(deps, ctx, family, step);
}

export function redirectTo(ctx: Context, step: BindingStep): void {
  ctx.status = 303;
  ctx.redirect(pathOf(step));
}

/** Redirects after a form of a step that cannot be changed now. Sending an application twice has the same result as sending it once. */
async function redirectToOpen(deps: HttpDeps, ctx: Context, family: SignedInFamily, step: BindingStep): Promise<void> {
  const opened = await load(deps, ctx, family);
  if (opened === undefined) return;
  if (opened.view.step === undefined && step !== 'summary') redirectToClosed(deps, ctx);
  else redirectToStep(deps, ctx, opened, 'order');
}

/** Redirects to the status page, which says that the form had no effect. */
export function redirectToClosed(deps: HttpDeps, ctx: Context): void {
  redirectWithNotice(deps, ctx, '/binding', CLOSED_NOTE);
}

function stepBefore({ view }: Pick<Opened, 'view'>, step: BindingStep): BindingStep | undefined {
  const steps = stepsOf(view.row.applicantKind ?? undefined);
  return steps[steps.indexOf(step) - 1];
}

/** Returns what a page shows in its fields: what was typed, or else what is stored. */
export function fieldsOf({ view }: Opened, step: BindingStep, stored: Fields): Fields {
  return view.inputs.get(step)?.fields ?? stored;
}

/** Returns the message of a rejection that every step can have. */
export function commonProblem({ pages }: HttpDeps, ctx: Context, { view }: Opened, step: BindingStep): Problem {
  const isChanged = view.inputs.get(step)?.problem?.kind === 'changed';
  return isChanged ? { alert: pages.t(ctx, 'binding.changed') } : {};
}

/** Returns what every page of a step shows. */
export function shellOf(
  deps: HttpDeps,
  ctx: Context,
  { family, view }: Opened,
  step: BindingStep,
  { errors = {}, alert }: Problem = {},
): BindingShell {
  const { pages } = deps;
  const steps = stepsOf(view.row.applicantKind ?? undefined);
  const isRejected = alert !== undefined || Object.keys(errors).length > 0;
  const note = isRejected ? undefined : takeNotice(deps, ctx, NOTES)?.name;
  return {
    ...appOf(pages, ctx, view.row.clientId),
    ...{ state: view.row.state, version: view.row.version, action: pathOf(step), student: family.student.name },
    progress: { position: steps.indexOf(step) + 1, count: steps.length },
    hasBack: stepBefore({ view }, step) !== undefined,
    reason: view.row.state === 'returned' ? view.reason : undefined,
    notice: note && pages.t(ctx, `binding.note.${note}`),
    ...{ errors, alert },
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
