import { createHash, randomBytes } from 'node:crypto';
import createError from 'http-errors';
import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import type { PersonFacts } from '../../domain/model.ts';
import { RECENT_SIGN_IN_SECONDS } from '../../domain/sessions.ts';
import { ACR_SCHOOL_ACCOUNT, ACR_TWO_FACTORS } from '../../oidc/options/claims.ts';
import { INTERACTION_MAX_AGE_MS } from '../../oidc/options/ttl.ts';
import { ROUTES } from '../../oidc/routes.ts';
import { assuranceOf, type Assurance } from '../../oidc/session-assurance.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import { ACCOUNT_CLIENT_ID } from '../../services/access/client-registry.ts';
import type { RotatedSession } from '../../services/access/session-rotation.ts';
import type { FormOwner } from '../../services/people/unsent-forms.ts';
import type { HttpDeps } from '../deps.ts';
import { isLocalPath, preferLanguages } from '../middleware/locale.ts';
import { redirectWithNotice, setNoticeOwner } from '../pages/page-notice.ts';
import { openValue, sealValue } from '../sealed-value.ts';

/** A person who is signed in at the service itself. */
export interface SignedInPerson {
  facts: PersonFacts;
  sessionHash: string;
  /** Time of the last sign-in or re-authentication in this session, ms since 1970. */
  authenticatedAt: number;
  assurance: Assurance;
}

/** Selects the language of the person for the page. @returns the person of the session cookie; undefined if no one is signed in or the account is disabled */
export async function findSignedIn(
  { i18n, oidc, people }: HttpDeps,
  ctx: Context,
): Promise<SignedInPerson | undefined> {
  const session = await oidc.provider.Session.get(ctx);
  if (session.accountId === undefined) return undefined;
  const facts = await people.findActive(session.accountId);
  if (facts === undefined) return undefined;
  preferLanguages(ctx, i18n, { personLocale: facts.isLocaleChosen ? facts.locale : undefined });
  const sessionHash = hashId(session.uid);
  setNoticeOwner(ctx, sessionHash);
  return {
    facts,
    sessionHash,
    authenticatedAt: (session.loginTs ?? 0) * 1000,
    assurance: assuranceOf(session),
  };
}

/** Returns the person and the session that a rate limit or a kept form belongs to. */
export function ownerOf({ facts, sessionHash }: SignedInPerson): FormOwner {
  return { personId: facts.id, sessionHash };
}

export type Handler = (ctx: Context, signedIn: SignedInPerson) => Promise<void>;

const accountPageOf = (ctx: Context): string => (ctx.method === 'GET' ? ctx.path : '/account');

/**
 * Redirects unauthenticated requests to sign-in, then back. Every account page is wrapped in it.
 *
 * @param returnPath the page to return to
 */
export function requireSignIn(deps: HttpDeps, handler: Handler, returnPath = accountPageOf): Middleware {
  return async (ctx) => {
    const signedIn = await findSignedIn(deps, ctx);
    if (signedIn === undefined) {
      redirectToSignIn(deps, ctx, returnPath(ctx));
      return;
    }
    await handler(ctx, signedIn);
  };
}

export function redirectToSignIn({ issuer }: HttpDeps, ctx: Context, returnPath = accountPageOf(ctx)): void {
  ctx.status = 303;
  ctx.redirect(signInUrl(issuer, returnPath));
}

/** Returns the URL of a sign-in with a school account. It asks for the account also if another person is signed in. */
export function schoolSignInUrl({ issuer }: Pick<HttpDeps, 'issuer'>, returnPath: string): string {
  return signInUrl(issuer, returnPath, { acr_values: ACR_SCHOOL_ACCOUNT, prompt: 'login' });
}

/** Returns the URL of a sign-in that asks for the account also if another person is signed in. */
export function otherSignInUrl({ issuer }: Pick<HttpDeps, 'issuer'>, returnPath = '/account'): string {
  return signInUrl(issuer, returnPath, { prompt: 'login' });
}

/** Hides pages from school accounts: they have no contacts and no second factors. Many people may know such an account. */
export function hideFromSchoolAccounts(deps: HttpDeps): Middleware {
  return async (ctx, next) => {
    if ((await findSignedIn(deps, ctx))?.facts.isSchoolAccount === true) {
      throw createError(404, 'school accounts have no such page');
    }
    await next();
  };
}

/** Sends the cookie of a session that got a new id. The notice of the response belongs to it. */
export function continueSession({ oidc }: HttpDeps, ctx: Context, session: RotatedSession): void {
  oidc.setSessionCookie(ctx, session);
  setNoticeOwner(ctx, session.sessionHash);
}

/** Returns the page of the form and what the person typed, which the page shows again. */
export type TypedForm = (ctx: Context) => { path: string; fields: Readonly<Record<string, string>> };

interface RecentSignInOptions {
  maxAgeSeconds?: number;
  /** The page to return to. After a form it has the notice `confirmed`, which says to press the button again. */
  returnPath?: (ctx: Context) => string;
  typedForm?: TypedForm | undefined;
}

/**
 * Like `requireSignIn`, but asks for the password again if the last sign-in is not recent. After a form, the account page then says to press
 * the button again, unless `returnPath` names another page. The holder of a copied session cookie cannot revoke the other sessions of the person (OWASP
 * ASVS 5.0, 7.5.2).
 */
export function requireRecentSignIn(deps: HttpDeps, handler: Handler, options: RecentSignInOptions = {}): Middleware {
  const { maxAgeSeconds = RECENT_SIGN_IN_SECONDS, returnPath = () => '/account', typedForm } = options;
  return requireSignIn(deps, async (ctx, signedIn) => {
    if (deps.clock.now() - signedIn.authenticatedAt <= maxAgeSeconds * 1000) {
      await handler(ctx, signedIn);
      return;
    }
    await keepTyped(deps, ctx, signedIn, typedForm);
    ctx.status = 303;
    const state = ctx.method === 'GET' ? returnPath(ctx) : confirmedState(deps, signedIn, returnPath(ctx));
    ctx.redirect(signInUrl(deps.issuer, state, { max_age: String(maxAgeSeconds) }));
  });
}

async function keepTyped(
  deps: HttpDeps,
  ctx: Context,
  signedIn: SignedInPerson,
  typedForm: TypedForm | undefined,
): Promise<void> {
  if (typedForm === undefined) return;
  const { path, fields } = typedForm(ctx);
  deps.rateLimiter.admitPerson('account', ownerOf(signedIn));
  await deps.unsentForms.keep(ownerOf(signedIn), path, fields);
}

interface AssuranceOptions {
  /** The maximum age of the second factor, in ms. */
  maxAgeMs: number;
  /** The page that a request other than GET returns to. */
  returnPath?: (ctx: Context) => string;
  typedForm?: TypedForm | undefined;
}

/**
 * Like `requireSignIn`, but also requires a second factor in this session that is not older than `maxAgeMs`. Otherwise redirects to sign-in,
 * which asks for the second factor or its enrollment, then back. An old second factor needs the password again too.
 */
export function requireAssurance(deps: HttpDeps, options: AssuranceOptions, handler: Handler): Middleware {
  const { maxAgeMs, returnPath = () => '/account', typedForm } = options;
  return async (ctx) => {
    const signedIn = await findSignedIn(deps, ctx);
    const secondFactorAt = signedIn?.assurance.secondFactorAt;
    if (signedIn !== undefined && deps.clock.now() - (secondFactorAt ?? 0) <= maxAgeMs) {
      await handler(ctx, signedIn);
      return;
    }
    if (signedIn !== undefined) await keepTyped(deps, ctx, signedIn, typedForm);
    // `max_age` counts whole seconds since the password, which is never later than the second factor.
    const maxAge =
      secondFactorAt !== undefined ? { max_age: String(Math.max(0, Math.floor(maxAgeMs / 1000) - 1)) } : {};
    ctx.status = 303;
    const isForm = ctx.method !== 'GET';
    const path = isForm ? returnPath(ctx) : ctx.path + ctx.search;
    const state = isForm && signedIn !== undefined ? confirmedState(deps, signedIn, path) : path;
    ctx.redirect(signInUrl(deps.issuer, state, { acr_values: ACR_TWO_FACTORS, ...maxAge }));
  };
}

/**
 * Returns an authorization request of the built-in account client. Its code is never redeemed, so the PKCE verifier is random and not
 * stored.
 */
function signInUrl(issuer: string, state: string, more: Record<string, string> = {}): string {
  const params = new URLSearchParams({
    client_id: ACCOUNT_CLIENT_ID,
    response_type: 'code',
    scope: 'openid',
    redirect_uri: `${issuer}/account/callback`,
    state,
    code_challenge: createHash('sha256').update(randomBytes(32)).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  });
  return `${ROUTES.authorization}?${params.toString()}`;
}

/** The pages that sign in with the built-in client. */
const OWN_PAGE = /^\/(?:account|binding|console)(?:[/?]|$)/;

/** Returns the state of a sign-in that a form asked for. Its seal is for one person: no link of another site causes the notice. */
function confirmedState({ secrets, clock }: HttpDeps, { facts }: SignedInPerson, returnPath: string): string {
  return `${returnPath}#${sealValue(secrets, confirmationOf(returnPath, facts.id), clock.now())}`;
}

function isConfirmed({ secrets, clock }: HttpDeps, personId: string, returnPath: string, sealed: string): boolean {
  const sealedAt = openValue(secrets, confirmationOf(returnPath, personId), z.number(), sealed);
  return sealedAt !== undefined && clock.now() - sealedAt < INTERACTION_MAX_AGE_MS;
}

function confirmationOf(returnPath: string, personId: string): Parameters<typeof sealValue>[1] {
  return { purpose: 'return-path', row: `${returnPath} ${personId}` };
}

/** `GET /account/callback`: deletes the unused code and redirects to the requested page of the account or the console. */
export function signedInCallback(deps: HttpDeps): (ctx: Context) => Promise<void> {
  return async (ctx) => {
    const { code, state } = ctx.query;
    if (typeof code === 'string') await (await deps.oidc.provider.AuthorizationCode.find(code))?.destroy();
    const [path = '', sealed] = typeof state === 'string' ? state.split('#') : [];
    const returnPath = isLocalPath(path) && OWN_PAGE.test(path) ? path : '/account';
    const signedIn = sealed === undefined ? undefined : await findSignedIn(deps, ctx);
    if (sealed !== undefined && signedIn !== undefined && isConfirmed(deps, signedIn.facts.id, path, sealed)) {
      redirectWithNotice(deps, ctx, returnPath, 'confirmed');
      return;
    }
    ctx.status = 303;
    ctx.redirect(returnPath);
  };
}
