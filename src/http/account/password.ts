import type { Context } from 'koa';
import type { HttpDeps } from '../deps.ts';
import { readForm } from '../forms/body.ts';
import { submitPasswordChange, type FormProblem } from '../forms/password-change.ts';
import { formErrors, newPasswordFields } from '../forms/password-form.ts';
import type { SignedInPerson } from './session.ts';

/** Changing the own password: asks for the old one, keeps this session under a new id, ends all others. */
export async function showPassword(
  { pages, people, minPasswordLength }: HttpDeps,
  ctx: Context,
  { facts }: SignedInPerson,
  problem: FormProblem = { status: 200 },
): Promise<void> {
  pages.show(
    ctx,
    'account/password',
    {
      action: '/account/password',
      name: facts.name,
      login: await people.getPrimaryLogin(facts.id),
      minLength: minPasswordLength,
      errors: problem.errors ?? {},
      alert: problem.alert,
      values: problem.values,
      cancelUrl: '/account',
    },
    problem.status,
  );
}

export async function changePassword(deps: HttpDeps, ctx: Context, signedIn: SignedInPerson): Promise<void> {
  const typed = readForm(ctx, newPasswordFields);
  const errors = formErrors(deps, ctx, typed, true);
  if (Object.keys(errors).length > 0) return showPassword(deps, ctx, signedIn, { status: 422, errors });
  const result = await submitPasswordChange(deps, ctx, {
    personId: signedIn.facts.id,
    current: typed.current_password,
    next: typed.new_password,
    keepSessionHash: signedIn.sessionHash,
  });
  if (result.kind === 'refused') return showPassword(deps, ctx, signedIn, result.problem);
  if (result.kept !== undefined) deps.oidc.setSessionCookie(ctx, result.kept);
  ctx.status = 303;
  ctx.redirect('/account?done=passwordChanged');
}
