import type { Context } from 'koa';
import { z } from 'zod';
import { PASSWORD_EXAMPLES, type PasswordProblem } from '../../domain/credentials/password-policy.ts';
import { MINUTE_MS, SECOND_MS } from '../../domain/duration.ts';
import type { AttemptWarning } from '../../domain/throttling/throttle.ts';
import { HashQueueFullError } from '../../platform/errors.ts';
import type { PasswordFormLocals } from '../../presentation/page-locals/common.ts';
import type {
  PasswordChangeRefusal,
  PasswordChangeResult,
  VerifiedFirstPassword,
} from '../../services/authentication/passwords.ts';
import { deviceOf } from '../account/device-name.ts';
import type { HttpDeps } from '../deps.ts';
import { checkbox, field, readForm } from './body.ts';
import { readDeviceToken, rememberDevice } from './known-device-cookie.ts';
import type { Rejection } from './rejected-form.ts';

const newPasswordFields = z.object({ current_password: field, new_password: field, confirm_password: field });
type NewPasswordFields = z.infer<typeof newPasswordFields>;

/** `check`: the script of the page asks if the form would be accepted (public/password-check.js). Nothing is set. */
export const passwordForm = newPasswordFields.extend({ check: checkbox });
type PasswordForm = z.infer<typeof passwordForm>;

type Errors = Record<string, string>;

/** The rejection of a form, as its page shows it. */
export interface FormProblem extends Omit<Rejection, 'values'> {
  /** Passwords that the form contains again. */
  values?: Partial<NewPasswordFields> | undefined;
}

/** Returns the locals that all pages with a password form share. */
export async function passwordFormLocals(
  { settings, pages }: HttpDeps,
  ctx: Context,
  { errors = {}, alert, values, isCleared = false }: FormProblem,
): Promise<Pick<PasswordFormLocals, 'minLength' | 'example' | 'errors' | 'alert' | 'values' | 'isCleared'>> {
  const { passwordMinLength: minLength } = await settings.loadPolicy();
  const example = PASSWORD_EXAMPLES[pages.langOf(ctx)] ?? '';
  return { minLength, example, errors, alert, values, isCleared };
}

/** Returns the problem for the page. The script takes the reasons out of the page of a check; the browser keeps the typed passwords. */
export function shownProblem(ctx: Context, { check, new_password }: PasswordForm, problem: FormProblem): FormProblem {
  if (problem.status === 410) return problem;
  if (!check) return { ...problem, isCleared: problem.values === undefined && new_password !== '' };
  ctx.remove('retry-after');
  return { ...problem, status: 200, values: undefined };
}

/**
 * Returns the rejection that the page shows after a redirect.
 *
 * @returns undefined if the page is the response to the form: of a check, with the typed passwords, or of an expired form
 */
export function redirectableRejection({ values, ...rejection }: FormProblem): Rejection | undefined {
  return values !== undefined || rejection.status === 200 || rejection.status === 410 ? undefined : rejection;
}

/** Answers the check of a form that would be accepted. */
export function answerAcceptable(ctx: Context): void {
  ctx.status = 204;
  ctx.set('cache-control', 'no-store');
}

/** Returns an error for each empty field, and for two new passwords that differ. */
export function formErrors({ pages }: HttpDeps, ctx: Context, typed: NewPasswordFields, hasCurrent: boolean): Errors {
  const required = hasCurrent
    ? (['current_password', 'new_password', 'confirm_password'] as const)
    : (['new_password', 'confirm_password'] as const);
  const empty = required.filter((name) => typed[name] === '');
  const errors = Object.fromEntries(empty.map((name) => [name, pages.t(ctx, `required.${name}`)]));
  if (empty.length === 0 && typed.new_password !== typed.confirm_password) {
    errors['confirm_password'] = pages.t(ctx, 'problem.mismatch');
  }
  return errors;
}

/** Returns the first reason against the new password, and the name that it contains. */
export async function policyErrors(
  deps: HttpDeps,
  ctx: Context,
  problems: readonly PasswordProblem[],
  { personId, next }: { personId: string; next: string },
): Promise<Errors> {
  const { passwordMinLength: min } = await deps.settings.loadPolicy();
  const [first] = problems;
  if (first === undefined) return {};
  const used = first === 'contains_name' ? await deps.passwords.findUsedName(personId, next) : undefined;
  return { new_password: deps.pages.t(ctx, `problem.${first}`, { min, used: used ?? '' }) };
}

/** The hash queue is full. The page contains the entered values again, so its button repeats the request. Nothing is stored. */
export function busyProblem({ pages }: HttpDeps, ctx: Context, values: Partial<NewPasswordFields>): FormProblem {
  return { status: 503, alert: pages.t(ctx, 'alert.busy'), values };
}

/**
 * Returns the text that says how long to wait, and sets Retry-After.
 *
 * @param until ms since 1970; undefined if only a link by e-mail unlocks the account
 * @param key the text, with a placeholder `{time}`
 */
export function throttledText(
  { pages, i18n, clock }: Pick<HttpDeps, 'pages' | 'i18n' | 'clock'>,
  ctx: Context,
  until: number | undefined,
  key = 'alert.tooMany',
): string {
  if (until === undefined) return pages.t(ctx, 'alert.locked');
  const seconds = Math.max(1, Math.ceil((until - clock.now()) / SECOND_MS));
  ctx.set('retry-after', String(seconds));
  // Rounded up to the next minute, because people read a clock without seconds.
  const shown = Math.ceil(until / MINUTE_MS) * MINUTE_MS;
  return pages.t(ctx, key, { time: i18n.clock(pages.langOf(ctx), shown) });
}

/** Returns the sentence that warns after a wrong password; no sentence while several attempts are free. */
function warningTexts(
  { pages, i18n }: Pick<HttpDeps, 'pages' | 'i18n'>,
  ctx: Context,
  warning: AttemptWarning | undefined,
): string[] {
  switch (warning?.kind) {
    case undefined:
      return [];
    case 'last_free':
      return [pages.t(ctx, 'alert.lastFree', { seconds: Math.ceil(warning.delayMs / SECOND_MS) })];
    case 'last_before_lock':
      return [pages.t(ctx, 'alert.lastBeforeLock')];
    case 'delayed': {
      const shown = Math.ceil(warning.until / MINUTE_MS) * MINUTE_MS;
      return [pages.t(ctx, 'alert.delayed', { time: i18n.clock(pages.langOf(ctx), shown) })];
    }
  }
}

/** Returns the error of a wrong password, with what another wrong one causes. @param last sentences after the warning */
export function wrongPasswordText(
  deps: Pick<HttpDeps, 'pages' | 'i18n'>,
  ctx: Context,
  { error, warning, last = [] }: { error: string; warning: AttemptWarning | undefined; last?: string[] },
): string {
  return deps.i18n.sentences(deps.pages.langOf(ctx), [error, ...warningTexts(deps, ctx, warning), ...last]);
}

type Changed = Extract<PasswordChangeResult, { kind: 'changed' }>;

interface FormPerson {
  personId: string;
  keepSessionHash: string | undefined;
  formId: string;
  /** The proof of a first password, if the form does not ask for it again. */
  verified?: VerifiedFirstPassword | undefined;
}

/**
 * Changes the password of a person with the form that the browser sent, or checks the form and answers it. The rejection has the status 410 if
 * the proof of the first password is no longer current.
 */
export async function submitPasswordForm(
  deps: HttpDeps,
  ctx: Context,
  { verified, ...person }: FormPerson,
): Promise<Changed | { kind: 'checked' } | { kind: 'rejected'; problem: FormProblem }> {
  const typed = readForm(ctx, passwordForm);
  const reject = (problem: FormProblem): { kind: 'rejected'; problem: FormProblem } => ({
    kind: 'rejected',
    problem: shownProblem(ctx, typed, problem),
  });
  const errors = formErrors(deps, ctx, typed, verified === undefined);
  if (Object.keys(errors).length > 0) return reject({ status: 422, errors });
  const { check, ...values } = typed;
  const { current_password: current, new_password: next } = values;
  try {
    const change = {
      ...person,
      current: verified ?? current,
      next,
      address: ctx.ip,
      device: readDeviceToken(ctx),
      deviceName: deviceOf(ctx),
      lang: deps.pages.langOf(ctx),
    };
    const result = await (check ? deps.passwords.check(change) : deps.passwords.change(change));
    if (result.kind === 'acceptable') {
      answerAcceptable(ctx);
      return { kind: 'checked' };
    }
    if (result.kind !== 'changed')
      return reject(await problemOf(deps, ctx, result, { personId: person.personId, next }));
    rememberDevice(deps, ctx, person.personId);
    return result;
  } catch (error) {
    if (!(error instanceof HashQueueFullError)) throw error;
    return reject(busyProblem(deps, ctx, values));
  }
}

async function problemOf(
  deps: HttpDeps,
  ctx: Context,
  result: PasswordChangeRefusal,
  typed: { personId: string; next: string },
): Promise<FormProblem> {
  switch (result.kind) {
    case 'throttled':
      return { status: 429, alert: throttledText(deps, ctx, result.until) };
    case 'expired':
      return { status: 410 };
    case 'wrong_current': {
      const error = deps.pages.t(ctx, 'problem.wrong_current');
      const text = wrongPasswordText(deps, ctx, { error, warning: result.warning });
      return { status: 422, errors: { current_password: text } };
    }
    case 'invalid':
      return { status: 422, errors: await policyErrors(deps, ctx, result.problems, typed) };
  }
}
