import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import { listBrowserOrigins } from '../../config/clients.ts';
import { HOUR_SECONDS } from '../../domain/duration.ts';
import { API_METHODS, normalizePath, ROUTES } from '../../oidc/routes.ts';
import type { ClientRegistry } from '../../services/access/client-registry.ts';
import { isApiPath } from '../paths.ts';

/** Documents that are the same for everyone. */
const PUBLIC_DOCUMENTS: ReadonlySet<string> = new Set([
  ROUTES.authorizationServerMetadata,
  ROUTES.discovery,
  ROUTES.jwks,
]);

/** Endpoints that a public client may call. Introspection is for confidential clients only. */
const CLIENT_ENDPOINTS: ReadonlySet<string> = new Set([
  ROUTES.deviceAuthorization,
  ROUTES.pushedAuthorizationRequest,
  ROUTES.revocation,
  ROUTES.token,
  ROUTES.userinfo,
]);

/** In seconds. Chromium accepts up to two hours. */
const PREFLIGHT_MAX_AGE_SECONDS = HOUR_SECONDS;

/** The response headers that scripts may read, besides those of the Fetch Standard. */
const EXPOSED_HEADERS = 'WWW-Authenticate, DPoP-Nonce, Retry-After';

type Origins = Pick<ClientRegistry, 'find' | 'hasBrowserOrigin'>;

/**
 * Lets scripts of browser apps call the API endpoints (Fetch Standard, CORS protocol), and read errors too. The origin must belong to the
 * client of the request, or to any browser client as long as the client is unknown: at a preflight, and after failed client authentication.
 * Never with cookies: there is no `Access-Control-Allow-Credentials`.
 */
export function cors(clients: Origins): Middleware {
  return async (ctx, next) => {
    const path = normalizePath(ctx.path);
    if (isApiPath(path)) ctx.vary('Origin');
    if (PUBLIC_DOCUMENTS.has(path)) {
      ctx.set('access-control-allow-origin', '*');
      if (isPreflight(ctx)) answerPreflight(ctx, path, '*');
      else await next();
    } else if (isApiPath(path)) await answerClient(clients, ctx, next, path);
    else await next();
  };
}

async function answerClient(clients: Origins, ctx: Context, next: () => Promise<unknown>, path: string): Promise<void> {
  const origin = ctx.get('origin');
  const isKnown = origin !== '' && CLIENT_ENDPOINTS.has(path) && (await clients.hasBrowserOrigin(origin));
  if (isPreflight(ctx)) {
    if (isKnown) {
      ctx.set('access-control-allow-origin', origin);
      answerPreflight(ctx, path, 'Authorization, Content-Type, DPoP');
    } else ctx.status = 204;
    return;
  }
  try {
    await next();
  } finally {
    const isAllowed = isKnown && isOfClient(clients, ctx, origin);
    // The provider sets these headers before it knows the client.
    for (const [name, value] of [
      ['access-control-allow-origin', origin],
      ['access-control-expose-headers', EXPOSED_HEADERS],
    ] as const) {
      if (isAllowed) ctx.set(name, value);
      else ctx.remove(name);
    }
  }
}

function isPreflight(ctx: Context): boolean {
  return ctx.method === 'OPTIONS' && ctx.get('access-control-request-method') !== '';
}

function answerPreflight(ctx: Context, path: string, headers: string): void {
  ctx.set('access-control-allow-methods', (API_METHODS[path] ?? []).join(', '));
  ctx.set('access-control-allow-headers', headers);
  ctx.set('access-control-max-age', String(PREFLIGHT_MAX_AGE_SECONDS));
  ctx.status = 204;
}

const withClient = z.object({ oidc: z.object({ client: z.object({ clientId: z.string() }) }) });

/** Returns true if the client of the request is unknown, or has the origin. */
function isOfClient(clients: Origins, ctx: Context, origin: string): boolean {
  const parsed = withClient.safeParse(ctx);
  if (!parsed.success) return true;
  const client = clients.find(parsed.data.oidc.client.clientId);
  return client !== undefined && listBrowserOrigins(client).includes(origin);
}
