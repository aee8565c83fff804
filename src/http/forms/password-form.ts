import type { Context } from 'koa';
import { z } from 'zod';
import type { PasswordProblem } from '../../domain/credentials/password-policy.ts';
import type { HttpDeps } from '../deps.ts';
import { field } from './body.ts';

export const newPasswordFields = z.object({ current_password: field, new_password: field, confirm_password: field });
export type NewPasswordFields = z.infer<typeof newPasswordFields>;

type Errors = Record<string, string>;

/** What can be said before anything is compared: empty fields, and two new passwords that differ. */
export function formErrors({ pages }: HttpDeps, ctx: Context, typed: NewPasswordFields, hasCurrent: boolean): Errors {
  const needed = hasCurrent
    ? (['current_password', 'new_password', 'confirm_password'] as const)
    : (['new_password', 'confirm_password'] as const);
  const empty = needed.filter((name) => typed[name] === '');
  const errors = Object.fromEntries(empty.map((name) => [name, pages.t(ctx, `required.${name}`)]));
  if (empty.length === 0 && typed.new_password !== typed.confirm_password) {
    errors['confirm_password'] = pages.t(ctx, 'problem.mismatch');
  }
  return errors;
}

/** Why the new password was refused, in one sentence each. */
export function policyErrors(deps: HttpDeps, ctx: Context, problems: readonly PasswordProblem[]): Errors {
  const text = problems.map((problem) => deps.pages.t(ctx, `problem.${problem}`, { min: deps.minPasswordLength }));
  return { new_password: deps.i18n.sentences(deps.pages.langOf(ctx), text) };
}
