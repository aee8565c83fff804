import createError from 'http-errors';
import type { Context } from 'koa';
import { errors, type InteractionResults } from 'oidc-provider';
import { z } from 'zod';
import { collectWrites, type Write } from '../../oidc/adapter/request-transaction.ts';
import { verifiedLogin } from '../../oidc/adapter/verified-login.ts';
import { ACR_PASSWORD, AMR_PASSWORD } from '../../oidc/options/claims.ts';
import { firstPasswordResult } from '../../oidc/prompts/checks/first-password.ts';
import type { Oidc } from '../../oidc/provider.ts';
import { hashId } from '../../platform/crypto/secrets.ts';

/** Where a person stands on the way to an app. */
export interface InteractionState {
  uid: string;
  prompt: string;
  reasons: readonly string[];
  clientId: string;
  loginHint: string | undefined;
  /** The app waits on another device (RFC 8628), so this browser can not go back to it. */
  isOnOtherDevice: boolean;
  params: Readonly<Record<string, unknown>>;
  /** Who is signed in already, if anybody. */
  personId: string | undefined;
  sessionHash: string | undefined;
  /** The sign-in of an earlier step of the same request, if there was one. */
  login: z.infer<typeof verifiedLogin> | undefined;
  /** Set after a right first password. */
  first: z.infer<typeof firstPasswordResult> | undefined;
  /** Somebody signed in with this step already, and the browser has not gone on yet: a form pressed twice. */
  isAnswered: boolean;
  /** Where the browser goes on after an answer. */
  returnTo: string;
}

/** One kind of step: its page, and what its form does. */
export interface InteractionPage {
  show(ctx: Context, interaction: InteractionState): Promise<void>;
  submit(ctx: Context, interaction: InteractionState): Promise<void>;
}

const params = z.looseObject({ client_id: z.string(), login_hint: z.string().optional() });

/**
 * The step that belongs to the browser's cookie and to this address.
 *
 * @throws {HttpError} 410 when it has expired, was finished, or belongs to another browser
 */
export async function loadInteraction(ctx: Context, { provider }: Oidc, uid: string): Promise<InteractionState> {
  const details = await provider.interactionDetails(ctx.req, ctx.res).catch(expired);
  if (details.uid !== uid) throw createError(410, 'this step has expired');
  const known = params.parse(details.params);
  const first = firstPasswordResult.safeParse(details.lastSubmission?.['first_password']);
  const login = verifiedLogin.safeParse(details.lastSubmission?.login);
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
    isAnswered: details.result?.login !== undefined,
    returnTo: details.returnTo,
  };
}

function expired(error: unknown): never {
  if (error instanceof errors.SessionNotFound) throw createError(410, 'this step has expired');
  throw error;
}

/**
 * Hands the answer to the provider and goes on: to the next prompt, or to the app.
 *
 * @throws {HttpError} 410 when the same form, pressed twice, has finished the step in the meantime
 */
export async function submitResult(ctx: Context, { provider }: Oidc, result: InteractionResults): Promise<void> {
  redirectTo(ctx, await provider.interactionResult(ctx.req, ctx.res, result).catch(expired));
}

/** The same for an answer that is stored together with what follows from it. @param store calls its argument in its transaction */
export async function finishWith(
  ctx: Context,
  { provider }: Oidc,
  result: InteractionResults,
  store: (save: Write) => Promise<void>,
): Promise<void> {
  const answer = (): Promise<string> => provider.interactionResult(ctx.req, ctx.res, result).catch(expired);
  const { returned, write } = await collectWrites(answer);
  await store(write);
  redirectTo(ctx, returned);
}

/**
 * Asks who it is once more, within the same request: a pushed request can not be sent a second time (RFC 9126, section 7.3).
 * What was answered so far was somebody else's answer, so none of it is kept.
 */
export async function switchAccount(ctx: Context, { provider }: Oidc): Promise<void> {
  const options = { mergeWithLastSubmission: false };
  redirectTo(ctx, await provider.interactionResult(ctx.req, ctx.res, { switch_account: {} }, options).catch(expired));
}

export function redirectTo(ctx: Context, returnTo: string): void {
  ctx.status = 303;
  ctx.redirect(returnTo);
}

interface Verified {
  personId: string;
  /** The version of the credential that the password was verified against. */
  credentialVersion: number;
}

/** What the provider is told about a sign-in that just happened. */
export function loginResult(
  { personId, credentialVersion }: Verified,
  remember: boolean,
  now: number,
): InteractionResults['login'] {
  const ts = Math.floor(now / 1000);
  return { accountId: personId, credentialVersion, remember, ts, acr: ACR_PASSWORD, amr: AMR_PASSWORD };
}
