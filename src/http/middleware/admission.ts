import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';
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
  return async (ctx, next) => {
    if (isNewcomer(ctx.req, sessionCookie) && crowded()) {
      pages.message(ctx, 'busy', { status: 503, again: ctx.path + ctx.search });
    } else await next();
  };
}

/**
 * Asked before anything else reads the request, too. A form of another site comes without the `Lax` cookie, and is sent on as an address
 * that has it. A pushed request does not show its `prompt`, and can not be sent again later (RFC 9126, section 4).
 */
export function isNewcomer({ method, url = '', headers }: IncomingMessage, sessionCookie: string): boolean {
  const [path = ''] = url.split('?', 1);
  if (path !== '/auth' || method !== 'GET') return false;
  const asked = new URLSearchParams(url.slice(path.length));
  if (asked.get('prompt') === 'none' || asked.has('request_uri')) return false;
  return !(headers.cookie ?? '').split(';').some((cookie) => cookie.trim().startsWith(`${sessionCookie}=`));
}
