import type { Context } from 'koa';
import { HashQueueFullError } from '../../platform/errors.ts';
import type { PasswordChange, PasswordChangeResult } from '../../services/authentication/passwords.ts';
import type { HttpDeps } from '../deps.ts';
import { readDeviceToken, rememberDevice } from './known-device-cookie.ts';
import { policyErrors, type NewPasswordFields } from './password-form.ts';
import { throttledText } from './throttled-text.ts';

/** What a page says about a form that was not taken. */
export interface FormProblem {
  status: number;
  alert?: string;
  errors?: Record<string, string>;
  /** What the form is to hold again. */
  values?: Partial<NewPasswordFields>;
}

/**
 * Too many people at once: nothing was looked at, and the form comes back as it was sent, so that its button sends it again. Nothing
 * of it is stored anywhere.
 */
export function busyProblem({ pages }: HttpDeps, ctx: Context, values: Partial<NewPasswordFields>): FormProblem {
  ctx.set('retry-after', '5');
  return { status: 503, alert: pages.t(ctx, 'alert.busy'), values };
}

type ChangeOutcome = Extract<PasswordChangeResult, { kind: 'changed' }>;

/** Changes a password, or says at which field why not. */
export async function submitPasswordChange(
  deps: HttpDeps,
  ctx: Context,
  change: Omit<PasswordChange, 'address' | 'device'>,
): Promise<ChangeOutcome | { kind: 'refused'; problem: FormProblem }> {
  try {
    const result = await deps.passwords.change({ ...change, address: ctx.ip, device: readDeviceToken(ctx) });
    if (result.kind !== 'changed') return { kind: 'refused', problem: problemOf(deps, ctx, result) };
    rememberDevice(deps, ctx, change.personId);
    return result;
  } catch (error) {
    if (!(error instanceof HashQueueFullError)) throw error;
    const typed = { current_password: change.current, new_password: change.next, confirm_password: change.next };
    return { kind: 'refused', problem: busyProblem(deps, ctx, typed) };
  }
}

function problemOf(deps: HttpDeps, ctx: Context, result: Exclude<PasswordChangeResult, ChangeOutcome>): FormProblem {
  switch (result.kind) {
    case 'throttled':
      return { status: 429, alert: throttledText(deps, ctx, result.until) };
    case 'wrong_current':
      return { status: 422, errors: { current_password: deps.pages.t(ctx, 'problem.wrong_current') } };
    case 'invalid':
      return { status: 422, errors: policyErrors(deps, ctx, result.problems) };
  }
}
