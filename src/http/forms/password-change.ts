import type { Context } from 'koa';
import { BusyError } from '../../platform/errors.ts';
import type { PasswordChange, PasswordChangeResult } from '../../services/authentication/passwords.ts';
import type { HttpDeps } from '../deps.ts';
import { deviceToken, rememberDevice } from './known-device-cookie.ts';
import { policyErrors, type NewPasswordFields } from './password-form.ts';
import { throttledText } from './throttled-text.ts';

/** What a page says about a form that was not taken. */
export interface Problem {
  status: number;
  alert?: string;
  errors?: Record<string, string>;
  /** What the form is to hold again. */
  typed?: Partial<NewPasswordFields>;
}

/**
 * Too many people at once: nothing was looked at, and the form comes back as it was sent, so that its button sends it again. Nothing
 * of it is stored anywhere.
 */
export function busyProblem({ pages }: HttpDeps, ctx: Context, typed: Partial<NewPasswordFields>): Problem {
  ctx.set('retry-after', '5');
  return { status: 503, alert: pages.t(ctx, 'alert.busy'), typed };
}

type Changed = Extract<PasswordChangeResult, { kind: 'changed' }>;

/** Changes a password, or says at which field why not. */
export async function tryChange(
  deps: HttpDeps,
  ctx: Context,
  change: Omit<PasswordChange, 'address' | 'device'>,
): Promise<Changed | { kind: 'refused'; problem: Problem }> {
  try {
    const result = await deps.passwords.change({ ...change, address: ctx.ip, device: deviceToken(ctx) });
    if (result.kind !== 'changed') return { kind: 'refused', problem: problemOf(deps, ctx, result) };
    rememberDevice(deps, ctx, change.personId);
    return result;
  } catch (error) {
    if (!(error instanceof BusyError)) throw error;
    const typed = { current_password: change.current, new_password: change.next, confirm_password: change.next };
    return { kind: 'refused', problem: busyProblem(deps, ctx, typed) };
  }
}

function problemOf(deps: HttpDeps, ctx: Context, result: Exclude<PasswordChangeResult, Changed>): Problem {
  switch (result.kind) {
    case 'throttled':
      return { status: 429, alert: throttledText(deps, ctx, result.until) };
    case 'wrong_current':
      return { status: 422, errors: { current_password: deps.pages.t(ctx, 'problem.wrong_current') } };
    case 'unfit':
      return { status: 422, errors: policyErrors(deps, ctx, result.problems) };
  }
}
