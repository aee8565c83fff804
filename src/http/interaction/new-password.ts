import createError from 'http-errors';
import type { Context } from 'koa';
import type { HttpDeps } from '../deps.ts';
import {
  passwordFormLocals,
  redirectableRejection,
  submitPasswordForm,
  type FormProblem,
} from '../forms/password-form.ts';
import { findRejection, redirectRejected } from '../forms/rejected-form.ts';
import type { VerifiedFirstPassword } from '../../services/authentication/passwords.ts';
import { waitForConcurrentSubmit } from './concurrent-submit.ts';
import { destinationOf } from './destination.ts';
import {
  formPageOf,
  submitResult,
  submitSignIn,
  redirectTo,
  loginResult,
  type InteractionPage,
  type InteractionState,
} from './interaction.ts';

/** The required change of a first password. The person is not signed in before it is done. */
export function createNewPasswordPage(deps: HttpDeps): InteractionPage {
  return {
    show: (ctx, interaction) => {
      const problem = findRejection(deps, ctx, formPageOf(interaction)) ?? { status: 200 };
      return render(deps, ctx, interaction, problem);
    },
    submit: async (ctx, interaction) => {
      const first = await findFirstSignIn(deps, interaction);
      const form = { keepSessionHash: undefined, formId: interaction.uid, verified: first?.verified };
      const result = first && (await submitPasswordForm(deps, ctx, { personId: first.personId, ...form }));
      if (result?.kind === 'checked') return;
      if (first !== undefined && result?.kind === 'changed') {
        const { personId, remember, isSchoolAccount } = first;
        const verified = { personId, credentialVersion: result.credentialVersion, isSchoolAccount };
        if (result.hasSecondFactor) {
          const { credentialVersion } = result;
          await submitResult(ctx, deps.oidc, { verified_password: { personId, credentialVersion, remember } });
        } else {
          await submitSignIn(deps, ctx, { login: loginResult(verified, remember, deps.clock.now()) });
        }
        return;
      }
      const returnTo = await waitForReplacement(deps, ctx, interaction);
      if (returnTo !== undefined) redirectTo(ctx, returnTo);
      else await reject(deps, ctx, interaction, result?.kind === 'rejected' ? result.problem : { status: 410 });
    },
  };
}

/** @throws {HttpError} 410 if the first sign-in is no longer current */
async function reject(
  deps: HttpDeps,
  ctx: Context,
  interaction: InteractionState,
  problem: FormProblem,
): Promise<void> {
  const rejection = redirectableRejection(problem);
  if (rejection === undefined) await render(deps, ctx, interaction, problem);
  else redirectRejected(deps, ctx, formPageOf(interaction), rejection);
}

/** @throws {HttpError} 410 if the first sign-in is no longer current */
async function render(
  deps: HttpDeps,
  ctx: Context,
  interaction: InteractionState,
  problem: FormProblem,
): Promise<void> {
  const first = await findFirstSignIn(deps, interaction);
  if (first === undefined || problem.status === 410) throw createError(410, 'this interaction has expired');
  const { pages, people } = deps;
  const locals = {
    action: `/interaction/${interaction.uid}/new_password`,
    app: destinationOf(deps, ctx, interaction),
    name: first.name,
    asksCurrent: first.verified === undefined,
    login: await people.getPrimaryLogin(first.personId),
    ...(await passwordFormLocals(deps, ctx, problem)),
  };
  pages.show(ctx, 'interaction/new-password', locals, problem.status);
}

/**
 * Waits for a concurrent submission of the same form if the first password has been replaced in the meantime.
 *
 * @returns the URL where the browser continues; undefined if there is no concurrent submission
 * @throws {HttpError} 410 if the concurrent submission has finished the interaction
 */
async function waitForReplacement(
  deps: HttpDeps,
  ctx: Context,
  { uid, first }: InteractionState,
): Promise<string | undefined> {
  if (first === undefined) return undefined;
  return waitForConcurrentSubmit(deps, ctx, uid, () => deps.passwords.hasOwnPassword(first.personId));
}

interface FirstSignIn {
  personId: string;
  remember: boolean;
  isSchoolAccount: boolean;
  name: string;
  /** The proof that replaces the field of the first password; undefined if the form asks for it. */
  verified: VerifiedFirstPassword | undefined;
}

/** @returns undefined without a verified first password, or if the account was disabled or its credential changed since */
async function findFirstSignIn(
  { people, passwords }: HttpDeps,
  { first }: InteractionState,
): Promise<FirstSignIn | undefined> {
  if (first === undefined || !(await people.isCredentialCurrent(first.personId, first.credentialVersion)))
    return undefined;
  const facts = await people.findActive(first.personId);
  if (facts === undefined) return undefined;
  const { personId, remember, isSchoolAccount, credentialVersion, verifiedAt } = first;
  const isProven = verifiedAt !== undefined && passwords.isRecent({ verifiedAt });
  const verified = isProven ? { credentialVersion, verifiedAt } : undefined;
  return { personId, remember, isSchoolAccount, name: facts.name, verified };
}
