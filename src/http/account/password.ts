import type { Context } from 'koa';
import { z } from 'zod';
import { INTERACTION_MAX_AGE_MS } from '../../oidc/options/ttl.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import {
  passwordFormLocals,
  redirectableRejection,
  submitPasswordForm,
  type FormProblem,
} from '../forms/password-form.ts';
import { findMarkedRejection, redirectRejected, REJECTED, type FormPage } from '../forms/rejected-form.ts';
import { openValue, sealValue } from '../sealed-value.ts';
import { redirectToAccount } from './account-notice.ts';
import { continueSession, findSignedIn, redirectToSignIn, type SignedInPerson } from './session.ts';

const PATH = '/account/password';

/** As long as an interaction: the form asks for the current password, as the sign-in page does. */
const FORM_MAX_AGE_MS = INTERACTION_MAX_AGE_MS;
const FORM_CONTEXT = { purpose: 'password-form', row: 'account' } as const;

const personForm = z.object({ person: field });
const sealedPerson = z.object({ personId: z.string(), sessionHash: z.string(), expiresAt: z.number() });

/** The person of a password form, and the session for which it was shown. */
type FormPerson = Pick<SignedInPerson, 'facts' | 'sessionHash'>;

function passwordPage({ sessionHash }: FormPerson): FormPage {
  return { path: PATH, owner: sessionHash };
}

export async function showPassword(deps: HttpDeps, ctx: Context, signedIn: SignedInPerson): Promise<void> {
  const problem = findMarkedRejection(deps, ctx, passwordPage(signedIn)) ?? { status: 200 };
  await render(deps, ctx, signedIn, problem);
}

async function render(deps: HttpDeps, ctx: Context, person: FormPerson, problem: FormProblem): Promise<void> {
  const { facts } = person;
  const locals = {
    action: PATH,
    name: facts.name,
    login: await deps.people.getPrimaryLogin(facts.id),
    person: sealPerson(deps, person),
    cancelUrl: '/account',
    asksCurrent: true,
    hasApplicationPasswords: (await deps.applicationPasswords.list(facts.id)).length > 0,
    ...(await passwordFormLocals(deps, ctx, problem)),
  };
  deps.pages.show(ctx, 'account/password', locals, problem.status);
}

/**
 * Changes the person's own password, gives this session a new id and revokes all others. The current password is enough: another session
 * can end this one, but cannot stop the change.
 */
export async function changePassword(deps: HttpDeps, ctx: Context): Promise<void> {
  const signedIn = await findSignedIn(deps, ctx);
  const person = signedIn ?? (await findFormPerson(deps, ctx));
  if (person === undefined) {
    redirectToSignIn(deps, ctx);
    return;
  }
  const { facts, sessionHash: formId } = person;
  const change = { personId: facts.id, keepSessionHash: signedIn?.sessionHash, formId };
  const result = await submitPasswordForm(deps, ctx, change);
  if (result.kind === 'checked') return;
  if (result.kind === 'rejected') {
    // Without a session, the page asks for a sign-in.
    const rejection = signedIn && redirectableRejection(result.problem);
    if (rejection === undefined) return render(deps, ctx, person, result.problem);
    redirectRejected(deps, ctx, passwordPage(person), rejection, REJECTED);
    return;
  }
  if (result.kept === undefined) {
    deps.pages.show(ctx, 'password-reset/done', { signInUrl: '/account', purpose: 'reset' });
    return;
  }
  continueSession(deps, ctx, result.kept);
  redirectToAccount(deps, ctx, 'passwordChanged');
}

function sealPerson({ secrets, clock }: HttpDeps, { facts, sessionHash }: FormPerson): string {
  const sealed = { personId: facts.id, sessionHash, expiresAt: clock.now() + FORM_MAX_AGE_MS };
  return sealValue(secrets, FORM_CONTEXT, sealed);
}

/** Finds the person for whom the form was shown. @returns undefined if it has expired, was changed, or the account is disabled */
async function findFormPerson({ secrets, clock, people }: HttpDeps, ctx: Context): Promise<FormPerson | undefined> {
  const { person } = readForm(ctx, personForm);
  const opened = openValue(secrets, FORM_CONTEXT, sealedPerson, person);
  if (opened === undefined || opened.expiresAt <= clock.now()) return undefined;
  const facts = await people.findActive(opened.personId);
  return facts && { facts, sessionHash: opened.sessionHash };
}
