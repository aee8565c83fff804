import type { IncomingMessage } from 'node:http';
import Router from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';
import compose from 'koa-compose';
import { z } from 'zod';
import { identifyBrowser } from '../oidc/adapter/browser-binding.ts';
import { normalizePath, ROUTES } from '../oidc/routes.ts';
import { createAccountRouter } from './account/router.ts';
import { createAssetsRouter } from './assets.ts';
import type { HttpDeps } from './deps.ts';
import { createHealthRouter } from './health.ts';
import { createInteractionRouter } from './interaction/router.ts';
import { csrf } from './middleware/csrf.ts';
import { pathOf, pinOrigin } from './middleware/issuer-origin.ts';
import { loadShedding, startsSignIn } from './middleware/load-shedding.ts';
import { locale, switchLanguage } from './middleware/locale.ts';
import { limitAnonymousSessions, limitBody } from './middleware/request-limits.ts';
import { requestLog } from './middleware/request-log.ts';
import { securityHeaders } from './middleware/security-headers.ts';
import { showFailure } from './pages/pages.ts';
import { createPasswordResetRouter } from './password-reset/router.ts';
import { replaceAutoSubmitForms } from './provider/auto-submit-forms.ts';
import { createEndSessionRouter } from './provider/end-session.ts';
import { createPostToGetRouter } from './provider/post-to-get.ts';
import type { Handler } from './server/in-flight-tracker.ts';
import { scheduleRequests } from './server/request-scheduler.ts';

/** What Node says when the other side goes away in the middle, or sends half of a request. */
const CLIENT_DISCONNECT = /^(ECONNRESET|ECONNABORTED|EPIPE|ERR_STREAM_PREMATURE_CLOSE|HPE_.*)$/;
const errorWithCode = z.object({ code: z.string() });

/**
 * The web face. The provider is the Koa app: what is used here runs before its own routes, in the order of this list.
 */
export function createApp(deps: HttpDeps): Handler {
  const { oidc, issuer, log, pages } = deps;
  const app: Koa = oidc.provider;
  // What the layers can not catch; Koa would print it beside the log.
  app.on('error', (error: unknown) => {
    const { code = '' } = errorWithCode.safeParse(error).data ?? {};
    if (CLIENT_DISCONNECT.test(code)) log.info({ code }, 'a connection broke');
    else log.error({ err: error }, 'an answer failed');
  });
  pinOrigin(app, issuer, deps.trustedProxies);
  const showError = (ctx: Context, status: number, reference: string, error?: unknown): void => {
    showFailure(pages, ctx, { status, reference, error });
  };
  app.use(requestLog({ ...deps, showError }));
  app.use(securityHeaders(issuer));
  app.use(oidc.discovery);
  app.use(limitBody());
  app.use(skipForApiPaths(createPageLayers(deps)));
  app.use(oidc.requestTransaction);
  app.use(oidc.paceDevicePolls);
  const handle = app.callback();
  const sessionCookie = `${oidc.provider.cookieName('session')}=`;
  /** Load shedding answers these at once: without the cookie there is no session to read. */
  const isShed = (request: IncomingMessage): boolean =>
    startsSignIn(request) && deps.isOverloaded() && request.headers.cookie?.includes(sessionCookie) !== true;
  const schedule = scheduleRequests(handle, (request) => isPriorityRequest(request.url ?? '') || isShed(request));
  return (request, response) => {
    request.url = pathOf(request.url);
    return schedule(request, response);
  };
}

/** Our own pages, and what stands around those of the provider, in the order of this list. */
function createPageLayers(deps: HttpDeps): Middleware {
  const layers = new Koa();
  layers.use(locale(deps.i18n));
  layers.use(loadShedding({ ...deps, provider: deps.oidc.provider }));
  mount(layers, createHealthRouter(deps.ready));
  mount(layers, createAssetsRouter(deps.templates));
  mount(layers, createHomeRouter(deps));
  layers.use(createPostToGetRouter().routes());
  layers.use(guardForms(deps));
  layers.use(identifyBrowser(deps.random));
  mount(layers, createInteractionRouter(deps));
  mount(layers, createAccountRouter(deps));
  mount(layers, createPasswordResetRouter(deps));
  mount(layers, createEndSessionRouter(deps));
  layers.use(limitAnonymousSessions(deps.oidc.provider, deps.rateLimiter));
  layers.use(replaceAutoSubmitForms(deps));
  return compose(layers.middleware);
}

function mount(app: Koa, router: Router): void {
  app.use(router.routes());
  app.use(router.allowedMethods());
}

function createHomeRouter({ i18n }: HttpDeps): Router {
  const router = new Router();
  router.get('/', (ctx) => {
    ctx.redirect('/account');
  });
  router.get('/language', switchLanguage(i18n));
  return router;
}

/** Where programs talk to the provider, never with a cookie: no language is asked, no form guarded. */
const API_PATHS = new Set<string>([
  ...[ROUTES.pushedAuthorizationRequest, ROUTES.deviceAuthorization, ROUTES.userinfo, ROUTES.jwks, ROUTES.discovery],
  ...[ROUTES.token, ROUTES.introspection, ROUTES.revocation],
]);

/** What waits for no page: programs, who watches the service, and what pages are made of. */
function isPriorityRequest(url: string): boolean {
  const [path = ''] = url.split('?', 1);
  return API_PATHS.has(normalizePath(path)) || /^\/(?:health|assets|\.well-known)\//.test(path);
}

/** A machine's request passes the layers of the pages by: they are a third of what it costs (decision 0012). */
function skipForApiPaths(layers: Middleware): Middleware {
  return async (ctx, next) => {
    if (API_PATHS.has(normalizePath(ctx.path))) await next();
    else await layers(ctx, next);
  };
}

/** What relying parties and devices, and browsers on their behalf, send forms to; none of it trusts a cookie alone. */
const CSRF_EXEMPT_PATHS = new Set<string>([...API_PATHS, ROUTES.authorization, ROUTES.endSession]);

/** Everything else that changes something comes from our own pages: a route that is new, or written in another case, too. */
function guardForms({ issuer, pages }: HttpDeps): Middleware {
  const guard = csrf(issuer, (ctx) => {
    pages.message(ctx, 'badRequest', { status: 403 });
  });
  return async (ctx, next) => {
    if (CSRF_EXEMPT_PATHS.has(normalizePath(ctx.path))) await next();
    else await guard(ctx, next);
  };
}
