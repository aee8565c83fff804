/** Sign-in and sign-out: the routes that each relying party has. */
import type { Router, RouterContext } from '@koa/router';
import { z } from 'zod';
import { ROLES, type RequestedActing } from './claims.ts';
import { knownLanguage, switchLanguage } from './language.ts';
import { log } from './log.ts';
import { LogoutTokenError } from './logout-token.ts';
import type { Action } from './pages.ts';
import { SignInRefusedError, type Pending, type SignedIn } from './provider.ts';
import {
  isFromOurPage,
  seeOther,
  sendToSignIn,
  sessionOf,
  setCookie,
  type Handler,
  type AppDeps,
} from './request-context.ts';
import { needsOtherAccount, refusalOf } from './refusals.ts';
import { consumePending, type Context, type Session } from './sessions.ts';

const pathOfOurs = z.string().regex(/^\/c\/[A-Za-z0-9_-]{1,128}(\/[A-Za-z0-9_-]+)*\/?$/);
const startQuery = z.object({ return: pathOfOurs.optional().catch(undefined) });
const flag = z.literal('1').optional().catch(undefined);
/** `choose`: another identity of the same person. `other`: another account. */
const signInQuery = startQuery.extend({ choose: flag, other: flag });
/** Path below the home page of a context. */
const openPath = z
  .string()
  .regex(/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/)
  .optional()
  .catch(undefined);
const switchQuery = z.union([
  z.object({ child: z.string().min(1).max(255), open: openPath }),
  z.object({ role: z.enum(ROLES), school: z.string().max(20).default('') }),
]);
const logoutForm = z.object({ logout_token: z.string().min(1).max(16_384) });
/** Errors for `prompt=none` when the service needs to show a page (OpenID Connect Core 1.0, section 3.1.2.6). */
const PAGE_REQUIRED_ERRORS = [
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
];

/** Shows the start page. Says why the session ended, and links to the context of a signed-in person. */
function startPage(deps: AppDeps): Handler {
  return async (ctx) => {
    const { return: returnTo } = startQuery.parse(ctx.query);
    const session = sessionOf(deps, ctx);
    const context = session?.last;
    const signIn = new URLSearchParams();
    if (returnTo !== undefined) signIn.set('return', returnTo);
    if (context !== undefined) signIn.set('choose', '1');
    const t = deps.pages.translate(ctx, context);
    const notice = session?.notice ?? (returnTo === undefined ? undefined : 'ended');
    await deps.pages.show(
      ctx,
      'start',
      { signInUrl: `/sign-in?${signIn.toString()}`.replace(/\?$/, ''), notice: notice && t(notice) },
      context,
    );
  };
}

function signInRoute(deps: AppDeps): Handler {
  return async (ctx) => {
    const { return: returnTo, choose, other } = signInQuery.parse(ctx.query);
    await sendToSignIn(deps, ctx, { returnTo, prompt: (other && 'login') ?? (choose && 'select_account') });
  };
}

/** Requests a different context of the same person. The service asks for no password. */
function switchRoute(deps: AppDeps): Handler {
  return async (ctx) => {
    const requested = switchQuery.safeParse(ctx.query);
    if (!requested.success) ctx.throw(400);
    else {
      const path = 'child' in requested.data ? requested.data.open : undefined;
      await sendToSignIn(deps, ctx, { acting: readRequestedActing(requested.data), openPath: path });
    }
  };
}

function readRequestedActing(requested: z.infer<typeof switchQuery>): RequestedActing {
  if ('child' in requested) return { role: 'parent', child: requested.child };
  return requested.school === '' ? { role: requested.role } : { role: requested.role, school_code: requested.school };
}

/** Says why, and what to do. Nothing is repeated without the person: the service would refuse again. */
async function refused(deps: AppDeps, ctx: RouterContext, error: SignInRefusedError): Promise<void> {
  const { reason, description, cause } = error;
  const t = deps.pages.translate(ctx);
  log(deps.name, `sign-in ended with ${reason}${cause instanceof Error ? ` (${cause.message})` : ''}`);
  const refusal = reason === 'access_denied' ? refusalOf(description) : 'other';
  const again = { label: t('signInAgain'), href: '/sign-in?choose=1' };
  const other = { label: t('otherAccount'), href: '/sign-in?other=1' };
  // There the person can resume the sharing.
  const account = { label: t('account'), href: `${deps.config.issuer}/account/data` };
  await deps.pages.message(ctx, {
    status: reason === 'access_denied' ? 403 : 400,
    title: t('refusedTitle'),
    text: t(`refused.${refusal}`, { app: t('appName') }),
    actions: [
      ...(needsOtherAccount(refusal) ? [other] : [again, other]),
      ...(refusal === 'sharing' ? [account] : []),
      { label: t('home'), href: '/' },
    ],
  });
}

async function expired(deps: AppDeps, ctx: RouterContext): Promise<void> {
  const t = deps.pages.translate(ctx);
  await deps.pages.message(ctx, {
    status: 409,
    title: t('expiredTitle'),
    text: t('expired'),
    actions: [
      { label: t('signInAgain'), href: '/sign-in' },
      { label: t('home'), href: '/' },
    ],
  });
}

/** Creates a context from a finished sign-in. Returns to the previous page if it is the same context. */
function enter(deps: AppDeps, ctx: RouterContext, session: Session, pending: Pending, signedIn: SignedIn): void {
  const context = deps.sessions.enter(session, signedIn);
  setCookie(deps, ctx, session);
  if (context === undefined) {
    seeOther(ctx, '/');
    return;
  }
  const home = `/c/${context.ctx}/`;
  seeOther(ctx, pending.returnTo?.startsWith(home) === true ? pending.returnTo : home + (pending.openPath ?? ''));
}

function callbackRoute(deps: AppDeps): Handler {
  return async (ctx) => {
    const session = sessionOf(deps, ctx);
    const { state } = ctx.query;
    const pending = session && typeof state === 'string' ? consumePending(session, state) : undefined;
    if (session === undefined || pending === undefined) {
      await expired(deps, ctx);
      return;
    }
    ctx.set('Cache-Control', 'no-store');
    try {
      enter(deps, ctx, session, pending, await deps.provider.finish(pending, ctx.querystring));
    } catch (error) {
      if (!(error instanceof SignInRefusedError)) throw error;
      const silent = pending.prompt === 'none';
      if (silent && pending.renews !== undefined) deps.sessions.drop(session, pending.renews);
      if (silent && PAGE_REQUIRED_ERRORS.includes(error.reason)) {
        seeOther(ctx, `/?${new URLSearchParams({ return: pending.returnTo ?? '/' }).toString()}`);
        return;
      }
      await refused(deps, ctx, error);
    }
  };
}

/** Asks before a sign-out, because any page can link here. */
async function askSignOut(deps: AppDeps, ctx: RouterContext, status: number, context?: Context): Promise<void> {
  const t = deps.pages.translate(ctx, context);
  const actions: Action[] = [{ label: t('signOut'), href: '/sign-out', method: 'post' }];
  await deps.pages.message(ctx, { status, title: t('askSignOutTitle'), text: t('askSignOut'), actions });
}

function askSignOutRoute(deps: AppDeps): Handler {
  return async (ctx) => {
    const context = sessionOf(deps, ctx)?.last;
    if (context === undefined) seeOther(ctx, '/');
    else await askSignOut(deps, ctx, 200, context);
  };
}

/**
 * Ends the session here, then at the service (RP-Initiated Logout), which notifies the other apps. A second click also leads to the
 * service, because the browser has canceled the first answer.
 */
function signOutRoute(deps: AppDeps): Handler {
  return async (ctx) => {
    const session = sessionOf(deps, ctx);
    if (session === undefined) {
      seeOther(ctx, '/');
      return;
    }
    const { last } = session;
    // Other ports of this host are the same site: the browser sends them the cookie.
    if (!isFromOurPage(ctx, deps.config.baseUrl)) {
      await askSignOut(deps, ctx, 403, last);
      return;
    }
    const url = await deps.provider.signOutUrl(last?.idToken, knownLanguage(ctx, deps.name, last));
    deps.sessions.leave(session);
    ctx.set('Cache-Control', 'no-store');
    seeOther(ctx, url.href);
  };
}

/** OpenID Connect Back-Channel Logout 1.0, section 2.5 to 2.8. */
function backChannelRoute(deps: AppDeps): Handler {
  return async (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    try {
      const form = logoutForm.safeParse(ctx.request.body);
      if (!form.success) throw new LogoutTokenError('one logout_token is needed');
      const ended = deps.sessions.revoke(await deps.provider.verifyLogoutToken(form.data.logout_token));
      log(deps.name, `back-channel logout ended ${ended} context(s)`);
      ctx.status = 200;
      ctx.body = '';
    } catch (error) {
      if (!(error instanceof LogoutTokenError)) throw error;
      log(deps.name, `back-channel logout refused: ${error.message}`);
      ctx.status = 400;
      ctx.body = { error: 'invalid_request', error_description: error.message };
    }
  };
}

export function addSignInRoutes(router: Router, deps: AppDeps): void {
  router.get('/', startPage(deps));
  router.get('/sign-in', signInRoute(deps));
  router.get('/switch', switchRoute(deps));
  router.get('/language', switchLanguage(deps));
  router.get('/callback', callbackRoute(deps));
  router.get('/sign-out', askSignOutRoute(deps));
  router.post('/sign-out', signOutRoute(deps));
  router.post('/backchannel-logout', backChannelRoute(deps));
}
