import { setTimeout as sleep } from 'node:timers/promises';
import createError from 'http-errors';
import type { Context } from 'koa';
import { tryChange, type Problem } from '../change-password.ts';
import type { HttpDeps } from '../deps.ts';
import { readForm } from '../forms.ts';
import { formErrors, newPasswordFields } from '../new-password-form.ts';
import { currentStep, finish, goOn, loginResult, type Screen, type Step } from './step.ts';

/** The forced change after a first password. Only when it is done is the person signed in. */
export function createNewPasswordScreen(deps: HttpDeps): Screen {
  const { pages, people, clock, oidc, minPasswordLength } = deps;
  const draw = async (ctx: Context, step: Step, problem: Problem = { status: 200 }): Promise<void> => {
    const { personId, name } = await personOf(deps, step);
    pages.show(
      ctx,
      'interaction/new-password',
      {
        action: `/interaction/${step.uid}/new_password`,
        purpose: 'first',
        app: { name: pages.appName(ctx, step.clientId) },
        name,
        login: await people.loginOf(personId),
        minLength: minPasswordLength,
        errors: problem.errors ?? {},
        alert: problem.alert,
        values: problem.typed,
        hasCurrent: true,
      },
      problem.status,
    );
  };
  return {
    show: (ctx, step) => draw(ctx, step),
    submit: async (ctx, step) => {
      if (step.answered) {
        goOn(ctx, step.returnTo);
        return;
      }
      const { personId, remember } = await personOf(deps, step);
      const typed = readForm(ctx, newPasswordFields);
      const errors = formErrors(deps, ctx, typed, true);
      if (Object.keys(errors).length > 0) return draw(ctx, step, { status: 422, errors });
      const problem = await tryChange(deps, ctx, {
        personId,
        current: typed.current_password,
        next: typed.new_password,
        keepSessionHash: undefined,
      });
      if (problem !== undefined) {
        const returnTo = await answeredByOtherPress(deps, ctx, step.uid, personId);
        if (returnTo === undefined) await draw(ctx, step, problem);
        else goOn(ctx, returnTo);
        return;
      }
      return finish(ctx, oidc, { login: loginResult(personId, remember, clock.now()) });
    },
  };
}

/** How long and how often the answer of the other press is looked for, in milliseconds. */
const PATIENCE_MS = 1_000;
const LOOK_MS = 20;

/**
 * Pressed twice, the first press may have ended the first password while this one was looking; its answer is written a moment after.
 *
 * @returns where the way goes on; `undefined` when there was no other press
 * @throws {HttpError} 410 when the other press has finished the step already
 */
async function answeredByOtherPress(
  { oidc, passwords }: HttpDeps,
  ctx: Context,
  uid: string,
  personId: string,
): Promise<string | undefined> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const { answered, returnTo } = await currentStep(ctx, oidc, uid);
    if (answered) return returnTo;
    if (performance.now() > end || !(await passwords.isChosen(personId))) return undefined;
    await sleep(LOOK_MS);
  }
}

/** @throws {HttpError} 410 when no first password was right before, or the person was disabled since */
async function personOf(
  { people }: HttpDeps,
  { first }: Step,
): Promise<{ personId: string; remember: boolean; name: string }> {
  const facts = first === undefined ? undefined : await people.activeFacts(first.personId);
  if (first === undefined || facts === undefined) throw createError(410, 'this step has expired');
  return { ...first, name: facts.name };
}
