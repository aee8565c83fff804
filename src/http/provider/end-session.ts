import Router from '@koa/router';
import { isHttpError } from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { findRedirectUrl, readEndSessionRequest } from '../../oidc/end-session-request.ts';
import { cookieNames } from '../../oidc/options/cookies.ts';
import { ROUTES } from '../../oidc/routes.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import { DatabaseUnavailableError } from '../../platform/errors.ts';
import type { LogoutNotice } from '../../services/access/revocation.ts';
import type { HttpDeps } from '../deps.ts';
import { parseForms } from '../forms/body.ts';
import { isLocalPath } from '../middleware/locale.ts';
import { canRedirect, FORM_FIELD, openForm, sealForm, type EndSessionForm } from './end-session-form.ts';
import { formAsQuery } from './post-to-get.ts';
import { appsWithLogout, rememberNotices, showSignedOut } from './signed-out-page.ts';

/** The session of a signed-in browser. */
interface CurrentSession {
  personId: string;
  sessionHash: string;
  clientIds: readonly string[];
}

/** A form; without `sessionHash` if no confirmation page was shown before. */
type RequestedSignOut = Omit<EndSessionForm, 'sessionHash'> & Partial<Pick<EndSessionForm, 'sessionHash'>>;

const fields = z.object({ [FORM_FIELD]: z.string().default('') }).catch({ [FORM_FIELD]: '' });

/**
 * Sign-out (RP-Initiated Logout 1.0). These routes run before the provider's own. Those reject the whole sign-out if only the redirect
 * is invalid, and they accept one form of a session at a time.
 */
export function createEndSessionRouter(deps: HttpDeps): Router {
  const router = new Router();
  router.get(ROUTES.endSession, async (ctx) => {
    await showConfirmation(deps, ctx);
  });
  router.post(ROUTES.endSession, async (ctx) => {
    const query = await formQuery(deps, ctx);
    redirect(ctx, query === undefined ? ROUTES.endSession : `${ROUTES.endSession}?${query}`);
  });
  router.post(ROUTES.endSessionConfirm, parseForms(), async (ctx) => {
    await confirm(deps, ctx);
  });
  router.get(ROUTES.endSessionSuccess, async (ctx) => {
    if ((await findCurrentSession(deps, ctx)) === undefined) await showSignedOut(deps, ctx);
    else redirect(ctx, ROUTES.endSession);
  });
  return router;
}

/** @returns the form of a relying party as a query; undefined if it cannot be parsed or is too long */
async function formQuery(deps: HttpDeps, ctx: Context): Promise<string | undefined> {
  try {
    await parseForms()(ctx, () => Promise.resolve());
    return formAsQuery(ctx);
  } catch (error) {
    if (!isHttpError(error) || error.status >= 500) throw error;
    logRejection(deps, error.message);
    return undefined;
  }
}

async function findCurrentSession({ oidc }: HttpDeps, ctx: Context): Promise<CurrentSession | undefined> {
  const { accountId, uid, authorizations = {} } = await oidc.provider.Session.get(ctx);
  if (accountId === undefined) return undefined;
  return { personId: accountId, sessionHash: hashId(uid), clientIds: Object.keys(authorizations) };
}

/** Asks for a confirmation, because any page can send the browser here (RP-Initiated Logout 1.0, section 2). */
async function showConfirmation(deps: HttpDeps, ctx: Context): Promise<void> {
  const requested = await readRequest(deps, ctx);
  const session = await findCurrentSession(deps, ctx);
  if (session === undefined) {
    redirect(ctx, (await findRedirect(deps, requested)) ?? ROUTES.endSessionSuccess);
    return;
  }
  const { sessionHash } = session;
  const request = sealForm(deps.secrets, { ...requested, sessionHash });
  // Language links carry the validated request instead of the ID token.
  ctx.state['pagePath'] = confirmationPath(request);
  const facts = await deps.people.findActive(session.personId);
  deps.pages.show(ctx, 'sign-out', {
    action: ROUTES.endSessionConfirm,
    request,
    stayUrl: stayUrl(deps, requested),
    name: facts?.name,
    apps: appsWithLogout(deps, ctx, session.clientIds),
    sessionChanged: requested.sessionHash !== undefined && requested.sessionHash !== sessionHash,
  });
}

/** Returns the page to go back to without a sign-out: the app that asked for it, otherwise the account page. */
function stayUrl({ clients }: Pick<HttpDeps, 'clients'>, { redirect: target }: RequestedSignOut): string {
  return (target && clients.launchUrl(target.clientId)) ?? '/account';
}

/** Reads the request of an app, or the form of a confirmation page that was shown before. */
async function readRequest(deps: HttpDeps, ctx: Context): Promise<RequestedSignOut> {
  const issuedAt = deps.clock.now();
  if (ctx.query[FORM_FIELD] !== undefined) return openForm(deps.secrets, ctx.query[FORM_FIELD]) ?? { issuedAt };
  const { redirect: target, refusal, clientId } = await readEndSessionRequest(deps.oidc.provider, ctx.query);
  if (refusal !== undefined) logRejection(deps, refusal, clientId);
  return { issuedAt, redirect: target };
}

/**
 * Finds the URL after the sign-out. Validates the redirect to an app again, because the clients file may have changed since the form was
 * shown.
 *
 * @returns undefined if the form has no redirect, or its redirect is no longer valid
 */
async function findRedirect(deps: HttpDeps, form: RequestedSignOut): Promise<string | undefined> {
  const { resumePath, redirect: target } = form;
  if (resumePath === undefined && target === undefined) return undefined;
  if (!canRedirect(form, deps.clock.now())) {
    logRejection(deps, 'the sign-out form has expired', target?.clientId);
    return undefined;
  }
  if (target === undefined) return resumePath;
  const url = await findRedirectUrl(deps.oidc.provider, target);
  if (url === undefined) logRejection(deps, 'post_logout_redirect_uri is no longer registered', target.clientId);
  return url;
}

function logRejection({ log }: Pick<HttpDeps, 'log'>, error_description: string, clientId?: string): void {
  const refusal = { error: 'invalid_request', error_description };
  log.info({ event: 'end_session.redirect_refused', clientId, ...refusal }, 'redirect after sign-out refused');
}

/** Handles the confirmation. It also succeeds in a second tab, or after the session was revoked elsewhere. */
async function confirm(deps: HttpDeps, ctx: Context): Promise<void> {
  const { [FORM_FIELD]: sealed } = fields.parse(ctx.request.body ?? {});
  const form = openForm(deps.secrets, sealed);
  const confirmationUrl = form === undefined ? ROUTES.endSession : confirmationPath(sealed);
  ctx.state['pagePath'] = confirmationUrl;
  try {
    // Before the sign-out: a later error would show "still signed in".
    const redirectTo = form === undefined ? undefined : await findRedirect(deps, form);
    const notices = await endSession(deps, ctx, form);
    if (notices === undefined) redirect(ctx, confirmationUrl);
    else redirectAfterSignOut(deps, ctx, redirectTo, notices);
  } catch (error) {
    showFailed(deps, ctx, error, confirmationUrl);
  }
}

/** @returns the logout notices; undefined if the form belongs to another session, which is not revoked */
async function endSession(
  deps: HttpDeps,
  ctx: Context,
  form: EndSessionForm | undefined,
): Promise<readonly LogoutNotice[] | undefined> {
  const session = await findCurrentSession(deps, ctx);
  if (session === undefined) return [];
  if (session.sessionHash !== form?.sessionHash) return undefined;
  return deps.access.logOut(session.personId, session.sessionHash, ctx.ip);
}

function redirectAfterSignOut(
  deps: HttpDeps,
  ctx: Context,
  redirectTo: string | undefined,
  notices: readonly LogoutNotice[],
): void {
  clearBrowser(deps, ctx, redirectTo);
  rememberNotices(deps, ctx, redirectTo === undefined ? notices : []);
  redirect(ctx, redirectTo ?? ROUTES.endSessionSuccess);
}

/** Shows that the sign-out failed. The transaction was rolled back, so the session and its form are still valid. */
function showFailed({ log, pages }: HttpDeps, ctx: Context, error: unknown, retryUrl: string): void {
  const status = error instanceof DatabaseUnavailableError ? 503 : 500;
  log.error({ err: error }, 'failed to sign out');
  pages.message(ctx, 'signOutFailed', { status, retryUrl });
}

/**
 * Clears the data of the person in the browser. Sign-ins in progress expire, unless one of them continues after this sign-out.
 * Clear-Site-Data omits `"cookies"`. It would clear the cookies of the whole registrable domain, including those of other hosts, of the
 * language and of the known device.
 */
function clearBrowser({ oidc }: HttpDeps, ctx: Context, redirectTo: string | undefined): void {
  const options = { path: '/', httpOnly: true, sameSite: 'lax', overwrite: true } as const;
  ctx.cookies.set(oidc.provider.cookieName('session'), null, { ...options, signed: true });
  ctx.cookies.set(cookieNames(ctx.secure).reset, null, { ...options, signed: false });
  const isSignInContinued = redirectTo !== undefined && isLocalPath(redirectTo);
  if (!isSignInContinued) ctx.cookies.set(cookieNames(ctx.secure).browser, null, { ...options, signed: false });
  // Browsers accept it from secure origins only (W3C Clear Site Data, section 3.1).
  if (ctx.secure) ctx.set('clear-site-data', '"cache", "storage"');
}

function confirmationPath(sealed: string): string {
  return `${ROUTES.endSession}?${new URLSearchParams({ [FORM_FIELD]: sealed }).toString()}`;
}

function redirect(ctx: Context, target: string): void {
  ctx.status = 303;
  ctx.set('cache-control', 'no-store');
  ctx.redirect(target);
}
