import type { IncomingMessage } from 'node:http';
import { parse } from 'node:querystring';
import type { Context, Middleware } from 'koa';
import type Provider from 'oidc-provider';
import { normalizePath, ROUTES } from '../../oidc/routes.ts';
import type { Pages } from '../pages/pages.ts';
import { setRefusal } from './refusal.ts';

interface Deps {
  pages: Pages;
  /** Returns true if new sign-ins should be rejected. */
  isOverloaded: () => boolean;
  provider: Provider;
}

/**
 * Rejects new sign-ins at the authorization endpoint with 503 and Retry-After, before they cost memory or a hash. Signed-in people
 * continue, because they need no password. Their session is read, because anyone can send a cookie.
 */
export function loadShedding({ pages, isOverloaded, provider }: Deps): Middleware {
  return async (ctx, next) => {
    if (startsSignIn(ctx.req) && isOverloaded() && !(await isSignedIn(provider, ctx))) {
      setRefusal(ctx, { error: 'temporarily_unavailable', error_description: 'the node is overloaded' });
      pages.message(ctx, 'busy', { status: 503, retryUrl: ctx.path + ctx.search });
    } else await next();
  };
}

async function isSignedIn(provider: Provider, ctx: Context): Promise<boolean> {
  return (await provider.Session.get(ctx)).accountId !== undefined;
}

/** Matches the `request_uri` of a pushed request (RFC 9126, section 2.2). */
const PUSHED_REQUEST_URI = /^urn:ietf:params:oauth:request_uri:./;

/**
 * Returns true if the request may start a sign-in. `prompt=none` starts none. A pushed request does not show its `prompt` and cannot be
 * repeated later (RFC 9126, section 4). The query is parsed as in the provider, so no parameter bypasses load shedding.
 *
 * @param request its URL is the result of `pathOf`
 */
export function startsSignIn({ method = '', url = '' }: IncomingMessage): boolean {
  const [path = ''] = url.split('?', 1);
  if (!/^(?:GET|HEAD)$/.test(method) || normalizePath(path) !== ROUTES.authorization) return false;
  const { prompt, request_uri: requestUri } = parse(url.slice(path.length + 1));
  return prompt !== 'none' && !(typeof requestUri === 'string' && PUSHED_REQUEST_URI.test(requestUri));
}
