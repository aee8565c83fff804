import Router from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';
import compose from 'koa-compose';
import { identifyBrowser } from '../oidc/adapter/browser-binding.ts';
import { createAccountRouter } from './account/router.ts';
import { createApplicationPasswordRouter } from './account/application-passwords.ts';
import { createSecondFactorRouter } from './account/second-factors.ts';
import { createConsoleRouter } from './console/router.ts';
import { createBindingRouter } from './binding/router.ts';
import { createAssetsRouter } from './assets.ts';
import type { HttpDeps } from './deps.ts';
import { createForgotAccountRouter } from './forgot-account/router.ts';
import { createHealthRouter } from './health.ts';
import { createLanguageRouter } from './language/router.ts';
import { createInteractionRouter } from './interaction/router.ts';
import { allowedMethods } from './middleware/allowed-methods.ts';
import { cors } from './middleware/cors.ts';
import { csrf } from './middleware/csrf.ts';
import { rejectSubresources } from './middleware/fetch-metadata.ts';
import { loadShedding } from './middleware/load-shedding.ts';
import { locale } from './middleware/locale.ts';
import { limitAnonymousSessions, limitBody } from './middleware/request-limits.ts';
import { setRefusal } from './middleware/refusal.ts';
import { requestLog } from './middleware/request-log.ts';
import { securityHeaders } from './middleware/security-headers.ts';
import { toLogText } from '../platform/refusal.ts';
import { showErrorPage } from './pages/error-pages.ts';
import { createPasswordResetRouter } from './password-reset/router.ts';
import { isApiPath, isCsrfExempt } from './paths.ts';
import { createSchoolContactsRouter } from './school-contacts/router.ts';
import { replaceAutoSubmitForms } from './provider/auto-submit-forms.ts';
import { createEndSessionRouter } from './provider/end-session.ts';
import { createPostToGetRouter } from './provider/post-to-get.ts';

/** Lists the middlewares of a request in their order. The routes of the provider run after the last one. */
export function createMiddlewares(deps: HttpDeps): Middleware[] {
  const { issuer, oidc, pages } = deps;
  const showError = (ctx: Context, status: number, requestId: string, error?: unknown): void => {
    showErrorPage(pages, ctx, { status, requestId, error });
  };
  return [
    requestLog({ ...deps, showError }),
    securityHeaders(issuer),
    cors(deps.clients),
    allowedMethods(),
    oidc.discovery,
    limitBody(),
    skipForApiPaths(compose(createPageMiddlewares(deps))),
    oidc.requestTransaction,
    oidc.paceDevicePolls,
    oidc.emptyClientSecret,
    oidc.clientAuthErrors,
  ];
}

/** Lists the middlewares of browser requests in their order. */
function createPageMiddlewares(deps: HttpDeps): Middleware[] {
  const { oidc, pages } = deps;
  return [
    locale(deps),
    rejectSubresources((ctx) => {
      const destination = toLogText(ctx.get('sec-fetch-dest'));
      setRefusal(ctx, {
        error: 'forbidden',
        error_description: `the request is no navigation but loads: ${destination}`,
      });
      pages.message(ctx, 'badRequest', { status: 403 });
    }),
    loadShedding({ ...deps, provider: oidc.provider }),
    ownRoutes(createHealthRouter(deps.isReady)),
    ownRoutes(createAssetsRouter(deps.templates)),
    ownRoutes(createHomeRouter()),
    sharedRoutes(createPostToGetRouter()),
    rejectCrossSiteForms(deps),
    identifyBrowser(deps.random),
    ownRoutes(createLanguageRouter(deps)),
    ownRoutes(createInteractionRouter(deps)),
    ownRoutes(createAccountRouter(deps)),
    ownRoutes(createSecondFactorRouter(deps)),
    ownRoutes(createApplicationPasswordRouter(deps)),
    ownRoutes(createBindingRouter(deps)),
    ownRoutes(createConsoleRouter(deps)),
    ownRoutes(createPasswordResetRouter(deps)),
    ownRoutes(createForgotAccountRouter(deps)),
    ownRoutes(createSchoolContactsRouter(deps)),
    ownRoutes(createEndSessionRouter(deps)),
    limitAnonymousSessions(oidc.provider, deps.rateLimiter),
    replaceAutoSubmitForms(deps),
  ];
}

/** Wraps the routes of our own paths: other methods get 405. */
function ownRoutes(router: Router): Middleware {
  const app = new Koa();
  app.use(router.routes());
  app.use(router.allowedMethods());
  return compose(app.middleware);
}

/** Wraps the routes of paths that the provider also has: other methods continue to its routes. */
function sharedRoutes(router: Router): Middleware {
  const app = new Koa();
  app.use(router.routes());
  return compose(app.middleware);
}

function createHomeRouter(): Router {
  const router = new Router();
  router.get('/', (ctx) => {
    ctx.redirect('/account');
  });
  // Password managers open it (W3C, A Well-Known URL for Changing Passwords).
  router.get('/.well-known/change-password', (ctx) => {
    ctx.redirect('/account/password');
  });
  return router;
}

/** API requests skip the page middlewares, which are a third of their cost (decision 0012). */
function skipForApiPaths(pageMiddlewares: Middleware): Middleware {
  return async (ctx, next) => {
    if (isApiPath(ctx.path)) await next();
    else await pageMiddlewares(ctx, next);
  };
}

function rejectCrossSiteForms({ issuer, pages }: HttpDeps): Middleware {
  const rejectCrossSite = csrf(issuer, (ctx) => {
    setRefusal(ctx, { error: 'forbidden', error_description: 'the form comes from another origin than the issuer' });
    pages.message(ctx, 'badRequest', { status: 403 });
  });
  return async (ctx, next) => {
    if (isCsrfExempt(ctx.path)) await next();
    else await rejectCrossSite(ctx, next);
  };
}
