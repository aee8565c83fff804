import { setTimeout as sleep } from 'node:timers/promises';
import createError from 'http-errors';
import type { Context } from 'koa';
import type { HttpDeps } from '../deps.ts';
import { readForm } from '../forms/body.ts';
import { tryChange, type Problem } from '../forms/password-change.ts';
import { formErrors, newPasswordFields } from '../forms/password-form.ts';
import { currentStep, finish, goOn, loginResult, type Screen, type Step } from './interaction.ts';

/** The forced change after a first password. Only when it is done is the person signed in. */
export function createNewPasswordScreen(deps: HttpDeps): Screen {
  const { pages, people, clock, oidc, minPasswordLength } = deps;
  const draw = async (ctx: Context, step: Step, problem: Problem = { status: 200 }): Promise<void> => {
    const { personId, name } = await getPerson(deps, step);
    pages.show(
      ctx,
      'interaction/new-password',
      {
        action: `/interaction/${step.uid}/new_password`,
        app: { name: pages.appName(ctx, step.clientId) },
        name,
        login: await people.loginOf(personId),
        minLength: minPasswordLength,
        errors: problem.errors ?? {},
        alert: problem.alert,
        values: problem.typed,
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
      const person = await findPerson(deps, step);
      if (person === undefined) return continueAnswered(deps, ctx, step);
      const { personId, remember } = person;
      const typed = readForm(ctx, newPasswordFields);
      const errors = formErrors(deps, ctx, typed, true);
      if (Object.keys(errors).length > 0) return draw(ctx, step, { status: 422, errors });
      const result = await tryChange(deps, ctx, {
        personId,
        current: typed.current_password,
        next: typed.new_password,
        keepSessionHash: undefined,
      });
      if (result.kind === 'refused') {
        const returnTo = await answeredByOtherPress(deps, ctx, step.uid, personId);
        if (returnTo === undefined) await draw(ctx, step, result.problem);
        else goOn(ctx, returnTo);
        return;
      }
      const { credentialVersion } = result;
      return finish(ctx, oidc, { login: loginResult({ personId, credentialVersion }, remember, clock.now()) });
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

/**
 * The change was made meanwhile: by the other press of the same button, or elsewhere.
 *
 * @throws {HttpError} 410 when it was made elsewhere
 */
async function continueAnswered(deps: HttpDeps, ctx: Context, { uid, first }: Step): Promise<void> {
  const returnTo = first && (await answeredByOtherPress(deps, ctx, uid, first.personId));
  if (returnTo === undefined) throw createError(410, 'this step has expired');
  goOn(ctx, returnTo);
}

interface FirstPerson {
  personId: string;
  remember: boolean;
  name: string;
}

/** @returns undefined when no first password was right before, or the account was disabled or its credential changed since */
async function findPerson({ people }: HttpDeps, { first }: Step): Promise<FirstPerson | undefined> {
  if (first === undefined || !(await people.isCurrent(first.personId, first.credentialVersion))) return undefined;
  const facts = await people.activeFacts(first.personId);
  return facts && { personId: first.personId, remember: first.remember, name: facts.name };
}

/** @throws {HttpError} 410 in the same cases */
async function getPerson(deps: HttpDeps, step: Step): Promise<FirstPerson> {
  const person = await findPerson(deps, step);
  if (person === undefined) throw createError(410, 'this step has expired');
  return person;
}
