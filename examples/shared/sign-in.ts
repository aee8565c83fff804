/** Sign-in and sign-out: the routes that each relying party has. */
import type { Router, RouterContext } from '@koa/router';
import { z } from 'zod';
import { ROLES, type RequestedActing } from './claims.ts';
import { log } from './log.ts';
import { LogoutTokenError } from './logout-token.ts';
import { SignInRefusedError, type Pending, type SignedIn } from './provider.ts';
import { seeOther, sendToSignIn, sessionOf, setCookie, type Handler, type AppDeps } from './request-context.ts';
import { recall, type Session } from './sessions.ts';

const pathOfOurs = z.string().regex(/^\/c\/[A-Za-z0-9_-]{1,128}(\/[A-Za-z0-9_-]+)*\/?$/);
const startQuery = z.object({ return: pathOfOurs.optional().catch(undefined) });
const signInQuery = startQuery.extend({ choose: z.literal('1').optional().catch(undefined) });
const switchQuery = z.union([
  z.object({ child: z.string().min(1).max(255) }),
  z.object({ role: z.enum(ROLES), school: z.string().max(20).default('') }),
]);
const logoutForm = z.object({ logout_token: z.string().min(1).max(16_384) });
/** Errors for `prompt=none` when the service needs to show a page (OpenID Connect Core 1.0, section 3.1.2.6). */
const NEEDS_A_PAGE = ['login_required', 'interaction_required', 'consent_required', 'account_selection_required'];

/** Shows the start page. Says why the session ended, and links to the context of a signed-in person. */
function startPage(parts: AppDeps): Handler {
  return async (ctx) => {
    const { return: returnTo } = startQuery.parse(ctx.query);
    const session = sessionOf(parts, ctx);
    const context = session?.last;
    const signIn = new URLSearchParams();
    if (returnTo !== undefined) signIn.set('return', returnTo);
    if (context !== undefined) signIn.set('choose', '1');
    const t = parts.pages.translate(ctx, context);
    const notice = session?.notice ?? (returnTo === undefined ? undefined : 'ended');
    await parts.pages.show(
      ctx,
      'start',
      { signInUrl: `/sign-in?${signIn.toString()}`.replace(/\?$/, ''), notice: notice && t(notice) },
      context,
    );
  };
}

function signInRoute(parts: AppDeps): Handler {
  return async (ctx) => {
    const { return: returnTo, choose } = signInQuery.parse(ctx.query);
    await sendToSignIn(parts, ctx, { returnTo, prompt: choose && 'select_account' });
  };
}

/** Requests a different identity of the same person. The service asks for no password. */
function switchRoute(parts: AppDeps): Handler {
  return async (ctx) => {
    const wanted = switchQuery.safeParse(ctx.query);
    if (!wanted.success) ctx.throw(400);
    else await sendToSignIn(parts, ctx, { acting: readRequestedActing(wanted.data) });
  };
}

function readRequestedActing(wanted: z.infer<typeof switchQuery>): RequestedActing {
  if ('child' in wanted) return { role: 'parent', child: wanted.child };
  return wanted.school === '' ? { role: wanted.role } : { role: wanted.role, school_code: wanted.school };
}

async function refused(parts: AppDeps, ctx: RouterContext, { reason, cause }: SignInRefusedError): Promise<void> {
  const t = parts.pages.translate(ctx);
  log(parts.name, `sign-in ended with ${reason}${cause instanceof Error ? ` (${cause.message})` : ''}`);
  await parts.pages.message(ctx, {
    status: reason === 'access_denied' ? 403 : 400,
    title: t('refusedTitle'),
    text: t('refused', { app: t('appName') }),
    actions: [
      { label: t('signInAgain'), href: '/sign-in?choose=1' },
      { label: t('home'), href: '/' },
    ],
  });
}

async function expired(parts: AppDeps, ctx: RouterContext): Promise<void> {
  const t = parts.pages.translate(ctx);
  await parts.pages.message(ctx, {
    status: 409,
    title: t('expiredTitle'),
    text: t('expired'),
    actions: [
      { label: t('signInAgain'), href: '/sign-in' },
      { label: t('home'), href: '/' },
    ],
  });
}

/** Creates a context from a finished sign-in. Returns to the previous page if it has the same identity. */
function enter(parts: AppDeps, ctx: RouterContext, session: Session, pending: Pending, signedIn: SignedIn): void {
  const context = parts.sessions.enter(session, signedIn);
  setCookie(parts, ctx, session);
  if (context === undefined) {
    seeOther(ctx, '/');
    return;
  }
  const home = `/c/${context.ctx}/`;
  seeOther(ctx, pending.returnTo?.startsWith(home) === true ? pending.returnTo : home);
}

function callbackRoute(parts: AppDeps): Handler {
  return async (ctx) => {
    const session = sessionOf(parts, ctx);
    const { state } = ctx.query;
    const pending = session && typeof state === 'string' ? recall(session, state) : undefined;
    if (session === undefined || pending === undefined) {
      await expired(parts, ctx);
      return;
    }
    ctx.set('Cache-Control', 'no-store');
    try {
      enter(parts, ctx, session, pending, await parts.provider.finish(pending, ctx.querystring));
    } catch (error) {
      if (!(error instanceof SignInRefusedError)) throw error;
      const silent = pending.prompt === 'none';
      if (silent && pending.renews !== undefined) parts.sessions.drop(session, pending.renews);
      if (silent && NEEDS_A_PAGE.includes(error.reason)) {
        seeOther(ctx, `/?${new URLSearchParams({ return: pending.returnTo ?? '/' }).toString()}`);
        return;
      }
      await refused(parts, ctx, error);
    }
  };
}

/** Ends the session here, then at the service (RP-Initiated Logout), which notifies the other apps. */
function signOutRoute(parts: AppDeps): Handler {
  return async (ctx) => {
    const session = sessionOf(parts, ctx);
    const idToken = session?.last?.idToken;
    if (session === undefined || idToken === undefined) {
      seeOther(ctx, '/');
      return;
    }
    // A link or an image on another site must not sign the person out.
    if (ctx.get('Sec-Fetch-Site') === 'cross-site') {
      const t = parts.pages.translate(ctx, session.last);
      const actions = [{ label: t('signOut'), href: '/sign-out' }];
      await parts.pages.message(ctx, { status: 200, title: t('crossSiteTitle'), text: t('crossSite'), actions });
      return;
    }
    const url = await parts.provider.signOutUrl(idToken);
    parts.sessions.leave(session);
    ctx.set('Cache-Control', 'no-store');
    seeOther(ctx, url.href);
  };
}

/** OpenID Connect Back-Channel Logout 1.0, section 2.5 to 2.8. */
function backChannelRoute(parts: AppDeps): Handler {
  return async (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    try {
      const form = logoutForm.safeParse(ctx.request.body);
      if (!form.success) throw new LogoutTokenError('one logout_token is needed');
      const ended = parts.sessions.endBy(await parts.provider.verifyLogoutToken(form.data.logout_token));
      log(parts.name, `back-channel logout ended ${ended} context(s)`);
      ctx.status = 200;
      ctx.body = '';
    } catch (error) {
      if (!(error instanceof LogoutTokenError)) throw error;
      log(parts.name, `back-channel logout refused: ${error.message}`);
      ctx.status = 400;
      ctx.body = { error: 'invalid_request', error_description: error.message };
    }
  };
}

export function addSignInRoutes(router: Router, parts: AppDeps): void {
  router.get('/', startPage(parts));
  router.get('/sign-in', signInRoute(parts));
  router.get('/switch', switchRoute(parts));
  router.get('/callback', callbackRoute(parts));
  router.get('/sign-out', signOutRoute(parts));
  router.post('/backchannel-logout', backChannelRoute(parts));
}
