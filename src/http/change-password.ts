import type { Context } from 'koa';
import { BusyError } from '../services/errors.ts';
import type { PasswordChange } from '../services/passwords.ts';
import type { HttpDeps } from './deps.ts';
import { policyErrors } from './new-password-form.ts';
import { throttledText } from './throttled.ts';

/** What a page says about a form that was not taken. */
export interface Problem {
  status: number;
  alert?: string;
  errors?: Record<string, string>;
}

/** Changes a password, or says at which field why not. `undefined` when it was changed. */
export async function tryChange(
  deps: HttpDeps,
  ctx: Context,
  change: Omit<PasswordChange, 'address'>,
): Promise<Problem | undefined> {
  const { pages, passwords } = deps;
  try {
    const result = await passwords.change({ ...change, address: ctx.ip });
    switch (result.kind) {
      case 'changed':
        return undefined;
      case 'throttled':
        return { status: 429, alert: throttledText(deps, ctx, result.until) };
      case 'wrong_current':
        return { status: 422, errors: { current_password: pages.t(ctx, 'problem.wrong_current') } };
      case 'unfit':
        return { status: 422, errors: policyErrors(deps, ctx, result.problems) };
    }
  } catch (error) {
    if (!(error instanceof BusyError)) throw error;
    ctx.set('retry-after', '5');
    return { status: 503, alert: pages.t(ctx, 'message.busy.text') };
  }
}
