import type { Context } from 'koa';
import type { Refusal } from '../../platform/refusal.ts';

const refusals = new WeakMap<Context['req'], Refusal>();

/** Keeps the reason of a response 4xx or 503 for the log. Errors that are thrown need no reason: the log has theirs. */
export function setRefusal(ctx: Context, refusal: Refusal): void {
  refusals.set(ctx.req, refusal);
}

export function findRefusal(ctx: Context): Refusal | undefined {
  return refusals.get(ctx.req);
}
