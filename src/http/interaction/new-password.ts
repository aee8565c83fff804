import { setTimeout as sleep } from 'node:timers/promises';
import createError from 'http-errors';
import type { Context } from 'koa';
import type { HttpDeps } from '../deps.ts';
import { readForm } from '../forms/body.ts';
import { submitPasswordChange, type FormProblem } from '../forms/password-change.ts';
import { formErrors, newPasswordFields } from '../forms/password-form.ts';
import {
  loadInteraction,
  submitResult,
  redirectTo,
  loginResult,
  type InteractionPage,
  type InteractionState,
} from './interaction.ts';

/** The forced change after a first password. Only when it is done is the person signed in. */
export function createNewPasswordPage(deps: HttpDeps): InteractionPage {
  const { pages, people, clock, oidc, minPasswordLength } = deps;
  const draw = async (
    ctx: Context,
    interaction: InteractionState,
    problem: FormProblem = { status: 200 },
  ): Promise<void> => {
    const { personId, name } = await getPerson(deps, interaction);
    pages.show(
      ctx,
      'interaction/new-password',
      {
        action: `/interaction/${interaction.uid}/new_password`,
        app: { name: pages.appName(ctx, interaction.clientId) },
        name,
        login: await people.getPrimaryLogin(personId),
        minLength: minPasswordLength,
        errors: problem.errors ?? {},
        alert: problem.alert,
        values: problem.values,
      },
      problem.status,
    );
  };
  return {
    show: (ctx, interaction) => draw(ctx, interaction),
    submit: async (ctx, interaction) => {
      if (interaction.isAnswered) {
        redirectTo(ctx, interaction.returnTo);
        return;
      }
      const person = await findPerson(deps, interaction);
      if (person === undefined) return continueAnswered(deps, ctx, interaction);
      const { personId, remember } = person;
      const typed = readForm(ctx, newPasswordFields);
      const errors = formErrors(deps, ctx, typed, true);
      if (Object.keys(errors).length > 0) return draw(ctx, interaction, { status: 422, errors });
      const result = await submitPasswordChange(deps, ctx, {
        personId,
        current: typed.current_password,
        next: typed.new_password,
        keepSessionHash: undefined,
      });
      if (result.kind === 'refused') {
        const returnTo = await waitForConcurrentSubmit(deps, ctx, interaction.uid, personId);
        if (returnTo === undefined) await draw(ctx, interaction, result.problem);
        else redirectTo(ctx, returnTo);
        return;
      }
      const { credentialVersion } = result;
      return submitResult(ctx, oidc, { login: loginResult({ personId, credentialVersion }, remember, clock.now()) });
    },
  };
}

/** How long and how often the answer of the other press is looked for, in milliseconds. */
const CONCURRENT_SUBMIT_TIMEOUT_MS = 1_000;
const CONCURRENT_SUBMIT_POLL_MS = 20;

/**
 * Pressed twice, the first press may have ended the first password while this one was looking; its answer is written a moment after.
 *
 * @returns where the way goes on; `undefined` when there was no other press
 * @throws {HttpError} 410 when the other press has finished the step already
 */
async function waitForConcurrentSubmit(
  { oidc, passwords }: HttpDeps,
  ctx: Context,
  uid: string,
  personId: string,
): Promise<string | undefined> {
  const end = performance.now() + CONCURRENT_SUBMIT_TIMEOUT_MS;
  for (;;) {
    const { isAnswered, returnTo } = await loadInteraction(ctx, oidc, uid);
    if (isAnswered) return returnTo;
    if (performance.now() > end || !(await passwords.hasOwnPassword(personId))) return undefined;
    await sleep(CONCURRENT_SUBMIT_POLL_MS);
  }
}

/**
 * The change was made meanwhile: by the other press of the same button, or elsewhere.
 *
 * @throws {HttpError} 410 when it was made elsewhere
 */
async function continueAnswered(deps: HttpDeps, ctx: Context, { uid, first }: InteractionState): Promise<void> {
  const returnTo = first && (await waitForConcurrentSubmit(deps, ctx, uid, first.personId));
  if (returnTo === undefined) throw createError(410, 'this step has expired');
  redirectTo(ctx, returnTo);
}

interface FirstPerson {
  personId: string;
  remember: boolean;
  name: string;
}

/** @returns undefined when no first password was right before, or the account was disabled or its credential changed since */
async function findPerson({ people }: HttpDeps, { first }: InteractionState): Promise<FirstPerson | undefined> {
  if (first === undefined || !(await people.isCredentialCurrent(first.personId, first.credentialVersion)))
    return undefined;
  const facts = await people.findActive(first.personId);
  return facts && { personId: first.personId, remember: first.remember, name: facts.name };
}

/** @throws {HttpError} 410 in the same cases */
async function getPerson(deps: HttpDeps, interaction: InteractionState): Promise<FirstPerson> {
  const person = await findPerson(deps, interaction);
  if (person === undefined) throw createError(410, 'this step has expired');
  return person;
}
