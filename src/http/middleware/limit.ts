import type { Middleware } from 'koa';
import { BusyError } from '../../services/errors.ts';

/**
 * Lets so many requests to one path be under way at once; the next one hears "many people are here" (503). Who is inside already, or
 * only wants to renew a token, must not wait behind a crowd at the door: a queue in memory would only make everybody late.
 */
export function limitUnderWay(path: string, most: number): Middleware {
  let underWay = 0;
  return async (ctx, next) => {
    if (ctx.path !== path) {
      await next();
      return;
    }
    if (underWay >= most) throw new BusyError(`more than ${String(most)} requests under way at ${path}`);
    underWay += 1;
    try {
      await next();
    } finally {
      underWay -= 1;
    }
  };
}
