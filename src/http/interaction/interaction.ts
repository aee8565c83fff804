import createError from 'http-errors';
import type { Context } from 'koa';
import { errors, type InteractionResults } from 'oidc-provider';
import { z } from 'zod';
import { collectWrites, type Write } from '../../oidc/adapter/pending-writes.ts';
import { verifiedLogin } from '../../oidc/adapter/verified-login.ts';
import { ACR_PASSWORD, ACR_SCHOOL_ACCOUNT, AMR_PASSWORD } from '../../oidc/options/claims.ts';
import { firstPasswordResult } from '../../oidc/prompts/checks/first-password.ts';
import { verifiedPasswordResult } from '../../oidc/prompts/checks/second-factor-outstanding.ts';
import type { Oidc } from '../../oidc/provider.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import type { HttpDeps } from '../deps.ts';
import { findAnonymousChoice, setChosenLanguage } from '../middleware/locale.ts';
import type { FormPage } from '../forms/rejected-form.ts';

/** The state of an interaction (a prompt of an authorization request). */
export interface InteractionState {
  uid: string;
  prompt: string;
  reasons: readonly string[];
  clientId: string;
  loginHint: string | undefined;
  /** The app waits on another device (RFC 8628), so this browser cannot return to it. */
  isOnOtherDevice: boolean;
  params: Readonly<Record<string, unknown>>;
  /** The signed-in person, if any. */
  personId: string | undefined;
  sessionHash: string | undefined;
  /** The sign-in of an earlier interaction of the same request, if any. */
  login: z.infer<typeof verifiedLogin> | undefined;
  /** Set after a correct first password. */
  first: z.infer<typeof firstPasswordResult> | undefined;
  /** Set after a correct password of a person who has a second factor. */
  verifiedPassword: z.infer<typeof verifiedPasswordResult> | undefined;
  /** The result is stored already, and the browser has not been redirected yet: the form was submitted twice. */
  isAnswered: boolean;
  /** The URL where the browser continues. */
  returnTo: string;
}

/** Returns the page of the form of an interaction, which shows why the form was rejected. */
export function formPageOf({ uid, prompt }: Pick<InteractionState, 'uid' | 'prompt'>): FormPage {
  return { path: `/interaction/${uid}`, owner: prompt };
}

/** The page of a prompt and the handler of its form. */
export interface InteractionPage {
  show(ctx: Context, interaction: InteractionState): Promise<void>;
  submit(ctx: Context, interaction: InteractionState): Promise<void>;
  /** Returns the options of a passkey request, as JSON; absent on pages without passkeys. */
  passkeyOptions?(ctx: Context, interaction: InteractionState): Promise<string>;
}

const params = z.looseObject({ client_id: z.string(), login_hint: z.string().optional() });

/**
 * Loads the interaction of the browser's cookie and of this URL.
 *
 * @throws {HttpError} 410 if it has expired, was finished, or belongs to another browser
 */
export async function loadInteraction(ctx: Context, { provider }: Oidc, uid: string): Promise<InteractionState> {
  const details = await provider.interactionDetails(ctx.req, ctx.res).catch(rethrowExpired);
  if (details.uid !== uid) throw createError(410, 'this interaction has expired');
  const known = params.parse(details.params);
  const first = firstPasswordResult.safeParse(details.lastSubmission?.['first_password']);
  const login = verifiedLogin.safeParse(details.lastSubmission?.login);
  const verifiedPassword = verifiedPasswordResult.safeParse(details.lastSubmission?.['verified_password']);
  return {
    uid,
    prompt: details.prompt.name,
    reasons: details.prompt.reasons,
    clientId: known.client_id,
    loginHint: known.login_hint,
    isOnOtherDevice: details.deviceCode !== undefined,
    params: details.params,
    personId: details.session?.accountId,
    sessionHash: details.session === undefined ? undefined : hashId(details.session.uid),
    login: login.data,
    first: first.data,
    verifiedPassword: verifiedPassword.data,
    isAnswered: details.result !== undefined,
    returnTo: details.returnTo,
  };
}

function rethrowExpired(error: unknown): never {
  if (error instanceof errors.SessionNotFound) throw createError(410, 'this interaction has expired');
  throw error;
}

/**
 * Stores the result and redirects to the next prompt or to the app.
 *
 * @throws {HttpError} 410 if a concurrent submission of the form has finished the interaction
 */
export async function submitResult(ctx: Context, { provider }: Oidc, result: InteractionResults): Promise<void> {
  redirectTo(ctx, await provider.interactionResult(ctx.req, ctx.res, result).catch(rethrowExpired));
}

/** Stores the result of a sign-in, and the language that the person has just chosen in this browser. */
export async function submitSignIn(
  deps: HttpDeps,
  ctx: Context,
  result: InteractionResults & { login: SignInResult },
): Promise<void> {
  await submitResult(ctx, deps.oidc, result);
  const locale = findAnonymousChoice(ctx, deps);
  if (locale === undefined) return;
  setChosenLanguage(ctx, deps, locale, true);
  await deps.contacts.changeLanguage({ personId: result.login.accountId, locale, address: ctx.ip });
}

/**
 * Stores the result in the same transaction as its consequences, then redirects.
 *
 * @param store calls its argument in its transaction
 */
export async function submitResultWith(
  ctx: Context,
  { provider }: Oidc,
  result: InteractionResults,
  store: (save: Write) => Promise<void>,
): Promise<void> {
  const saveResult = (): Promise<string> => provider.interactionResult(ctx.req, ctx.res, result).catch(rethrowExpired);
  const { returned, write } = await collectWrites(saveResult);
  await store(write);
  redirectTo(ctx, returned);
}

/**
 * Asks for another account within the same authorization request: a pushed request cannot be repeated (RFC 9126, section 7.3). Earlier
 * results belong to the previous person, so they are dropped.
 */
export async function switchAccount(ctx: Context, { provider }: Oidc): Promise<void> {
  const options = { mergeWithLastSubmission: false };
  redirectTo(
    ctx,
    await provider.interactionResult(ctx.req, ctx.res, { switch_account: {} }, options).catch(rethrowExpired),
  );
}

export function redirectTo(ctx: Context, returnTo: string): void {
  ctx.status = 303;
  ctx.redirect(returnTo);
}

type SignInResult = NonNullable<InteractionResults['login']>;

interface Verified {
  personId: string;
  /** The version of the credential that the password was verified against. */
  credentialVersion: number;
  isSchoolAccount?: boolean;
}

/** Returns the result of a sign-in for the provider. */
export function loginResult(
  { personId, credentialVersion, isSchoolAccount = false }: Verified,
  remember: boolean,
  now: number,
): SignInResult {
  const ts = Math.floor(now / 1000);
  const acr = isSchoolAccount ? ACR_SCHOOL_ACCOUNT : ACR_PASSWORD;
  return { accountId: personId, credentialVersion, remember, ts, acr, amr: AMR_PASSWORD };
}
