import type { RequestListener } from 'node:http';
import Router from '@koa/router';
import type Koa from 'koa';
import type { Context, Middleware } from 'koa';
import { createAccountRouter } from './account/router.ts';
import { createAssetsRouter } from './assets.ts';
import type { HttpDeps } from './deps.ts';
import { createForgotRouter } from './forgot/router.ts';
import { createFormRequestsRouter } from './form-requests.ts';
import { createHealthRouter } from './health.ts';
import { createInteractionRouter } from './interaction/router.ts';
import { securityHeaders } from './middleware/headers.ts';
import { language, switchLanguage } from './middleware/language.ts';
import { observe } from './middleware/observe.ts';
import { pathOf, pinOrigin } from './middleware/origin.ts';
import { sameOrigin } from './middleware/same-origin.ts';
import { showFailure } from './pages.ts';
import { replaceProviderForms } from './provider-forms.ts';
import { completeSignOut } from './sign-out.ts';

/**
 * The web face. The provider is the Koa app: what is used here runs before its own routes, in the order of this list.
 */
export function createApp(deps: HttpDeps): RequestListener {
  const { oidc, issuer, pages } = deps;
  const app = oidc.provider;
  pinOrigin(app, issuer, deps.trustedProxies);
  const failed = (ctx: Context, status: number, reference: string, error?: unknown): void => {
    showFailure(pages, ctx, { status, reference, error });
  };
  app.use(observe({ ...deps, failed }));
  app.use(securityHeaders(issuer));
  app.use(oidc.discovery);
  app.use(language(deps.i18n));
  mount(app, createHealthRouter(deps.ready));
  mount(app, createAssetsRouter(deps.templates));
  mount(app, createHomeRouter(deps));
  app.use(createFormRequestsRouter().routes());
  app.use(guardForms(deps));
  mount(app, createInteractionRouter(deps));
  mount(app, createAccountRouter(deps));
  mount(app, createForgotRouter(deps));
  app.use(completeSignOut(deps));
  app.use(replaceProviderForms(deps));
  app.use(oidc.gatherWrites);
  const handle = app.callback();
  return (request, response) => {
    request.url = pathOf(request.url);
    void handle(request, response);
  };
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

/** What relying parties and devices, and browsers on their behalf, send forms to; none of it trusts a cookie alone. */
const PROTOCOL = new Set([
  ...['/auth', '/request', '/device/auth', '/me', '/session/end'],
  ...['/token', '/token/introspection', '/token/revocation'],
]);

/** Everything else that changes something comes from our own pages: a route that is new, or written in another case, too. */
function guardForms({ issuer, pages }: HttpDeps): Middleware {
  const guard = sameOrigin(issuer, (ctx) => {
    pages.message(ctx, 'badRequest', { status: 403 });
  });
  return async (ctx, next) => {
    if (PROTOCOL.has(ctx.path)) await next();
    else await guard(ctx, next);
  };
}
