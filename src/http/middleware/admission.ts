import type { IncomingMessage } from 'node:http';
import type { Context, Middleware } from 'koa';
import type { Pages } from '../pages.ts';

interface Deps {
  pages: Pages;
  /** Whether so many are under way that nobody new should come. */
  crowded: () => boolean;
  /** Name of the cookie of somebody who is signed in. */
  sessionCookie: string;
}

/**
 * A crowd is met at the door, where it costs next to nothing, and before anything was typed; who has the form already goes first. The
 * signed-in go on without a password, and apps that only ask (`prompt=none`) get their answer.
 */
export function admission({ pages, crowded, sessionCookie }: Deps): Middleware {
  const isSignedIn = (ctx: Context): boolean => ctx.cookies.get(sessionCookie, { signed: false }) !== undefined;
  return async (ctx, next) => {
    if (isAtDoor(ctx) && !isSignedIn(ctx) && crowded()) {
      pages.message(ctx, 'busy', { status: 503, again: ctx.path + ctx.search });
    } else await next();
  };
}

/**
 * The same for a request that nobody has read yet: who is told in a crowd to come again, which is soon said. Where it is not sure, the
 * request waits with the others.
 */
export function isNewcomer({ method, url = '', headers }: IncomingMessage, sessionCookie: string): boolean {
  if (method !== 'GET' || !url.startsWith('/auth?') || /[?&](?:prompt=none|request_uri=)/.test(url)) return false;
  return !(headers.cookie ?? '').includes(`${sessionCookie}=`);
}

/**
 * A form of another site comes without the `Lax` cookie, and is sent on as an address that has it. A pushed request does not show its
 * `prompt`, and can not be sent again later (RFC 9126, section 4).
 */
function isAtDoor({ path, method, query }: Context): boolean {
  return path === '/auth' && method === 'GET' && query['prompt'] !== 'none' && query['request_uri'] === undefined;
}
