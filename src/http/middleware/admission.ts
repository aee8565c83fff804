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
    const isNew = ctx.path === '/auth' && ctx.cookies.get(sessionCookie, { signed: false }) === undefined;
    if (isNew && ctx.query['prompt'] !== 'none' && crowded()) pages.message(ctx, 'busy', { status: 503 });
    else await next();
  };
}
