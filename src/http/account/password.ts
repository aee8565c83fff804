import type { Context } from 'koa';
import type { HttpDeps } from '../deps.ts';
import { passwordFormLocals, submitPasswordForm, type FormProblem } from '../forms/password-form.ts';
import type { SignedInPerson } from './session.ts';

export async function showPassword(
  deps: HttpDeps,
  ctx: Context,
  { facts }: SignedInPerson,
  problem: FormProblem = { status: 200 },
): Promise<void> {
  const locals = {
    action: '/account/password',
    name: facts.name,
    login: await deps.people.getPrimaryLogin(facts.id),
    cancelUrl: '/account',
    ...passwordFormLocals(deps, problem),
  };
  deps.pages.show(ctx, 'account/password', locals, problem.status);
}

/** Changes the person's own password, gives this session a new id and revokes all others. */
export async function changePassword(deps: HttpDeps, ctx: Context, signedIn: SignedInPerson): Promise<void> {
  const person = { personId: signedIn.facts.id, keepSessionHash: signedIn.sessionHash };
  const result = await submitPasswordForm(deps, ctx, person);
  if (result.kind === 'rejected') return showPassword(deps, ctx, signedIn, result.problem);
  if (result.kept !== undefined) deps.oidc.setSessionCookie(ctx, result.kept);
  ctx.status = 303;
  ctx.redirect('/account?done=passwordChanged');
}
