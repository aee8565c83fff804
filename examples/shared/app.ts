/** Creates a relying party. Requests pass the middleware in the order of `handler`. */
import { randomBytes } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import { bodyParser } from '@koa/bodyparser';
import { Router } from '@koa/router';
import Koa, { type Context as KoaContext, type Middleware } from 'koa';
import helmet from 'koa-helmet';
import type { RelyingPartyConfig } from './config.ts';
import { log } from './log.ts';
import { createPages, type AppDesign, type Message } from './pages.ts';
import { createProvider, ProviderUnavailableError } from './provider.ts';
import type { AppDeps } from './request-context.ts';
import { createSessions } from './sessions.ts';
import { addSignInRoutes } from './sign-in.ts';
import type { Translate } from './translations.ts';

export interface RelyingParty {
  config: RelyingPartyConfig;
  handler: RequestListener;
  listen(): Promise<void>;
  close(): Promise<void>;
}

export interface Application extends AppDesign {
  addRoutes(router: Router, deps: AppDeps): void;
}

function securityHeaders(config: RelyingPartyConfig): Middleware {
  return helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'style-src': ["'self'"],
        'img-src': ["'self'"],
        'base-uri': ["'none'"],
        'frame-ancestors': ["'none'"],
        // Browsers apply form-action to redirects as well, and a sign-out leads to the sign-in service.
        'form-action': ["'self'", new URL(config.issuer).origin],
      },
    },
    // With no-referrer, browsers would send "Origin: null" with our own forms.
    referrerPolicy: { policy: 'same-origin' },
    strictTransportSecurity: config.baseUrl.startsWith('https:') ? { maxAge: 31_536_000 } : false,
  });
}

/** Returns the message for a status without a page of its own. */
function explain(t: Translate, status: number): Message {
  const actions = [{ label: t('home'), href: '/' }];
  if (status === 404) return { status, title: t('notFoundTitle'), text: t('notFound'), actions };
  if (status === 405 || status === 501) return { status, title: t('methodTitle'), text: t('method'), actions };
  return { status, title: t('badRequestTitle'), text: t('badRequest'), actions };
}

async function showFailure(deps: AppDeps, ctx: KoaContext, error: unknown): Promise<void> {
  const t = deps.pages.translate(ctx);
  if (error instanceof ProviderUnavailableError) {
    log(deps.name, `${error.message} (${String(error.cause)})`);
    ctx.set('Retry-After', '5');
    const actions = [
      { label: t('tryAgain'), href: ctx.method === 'GET' && ctx.path !== '/callback' ? ctx.url : '/' },
      { label: t('home'), href: '/' },
    ];
    await deps.pages.message(ctx, { status: 503, title: t('unavailableTitle'), text: t('unavailable'), actions });
    return;
  }
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 500;
  if (status >= 400 && status < 500) {
    await deps.pages.message(ctx, explain(t, status));
    return;
  }
  const reference = randomBytes(4).toString('hex');
  log(deps.name, `failure ${reference}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  const actions = [{ label: t('home'), href: '/' }];
  const text = t('broken', { reference });
  await deps.pages.message(ctx, { status: 500, title: t('brokenTitle'), text, actions, reference });
}

/** Every error is a page with a link: failures, unknown paths, wrong methods. */
function errorPages(deps: AppDeps): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      await showFailure(deps, ctx, error);
      return;
    }
    if (ctx.status >= 400 && !ctx.body) {
      await deps.pages.message(ctx, explain(deps.pages.translate(ctx), ctx.status));
    }
  };
}

/**
 * Creates a relying party. The sign-in service need not be running: discovery happens at the first use.
 *
 * @param now the present in milliseconds since 1970; tests may move it
 */
export async function createRelyingParty(
  application: Application,
  config: RelyingPartyConfig,
  now: () => number = Date.now,
): Promise<RelyingParty> {
  const deps: AppDeps = {
    name: application.name,
    config,
    provider: createProvider(config, now),
    sessions: createSessions(now),
    pages: await createPages(application, config.issuer),
    now,
  };
  const router = new Router();
  addSignInRoutes(router, deps);
  application.addRoutes(router, deps);

  const app = new Koa();
  app.use(securityHeaders(config));
  app.use(errorPages(deps));
  app.use(async (ctx, next) => {
    if (!deps.pages.serveAsset(ctx)) await next();
  });
  app.use(bodyParser({ enableTypes: ['form'], formLimit: '32kb' }));
  app.use(router.routes());
  app.use(router.allowedMethods());

  const handle = app.callback();
  const handler: RequestListener = (request, response) => void handle(request, response);
  const server = createServer(handler);
  return {
    config,
    handler,
    listen: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject).listen(config.port, () => {
          resolve();
        });
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}
