import type { Context } from 'koa';
import { MAX_REASON_LENGTH } from '../../services/console/person-actions.ts';
import type { HttpDeps } from '../deps.ts';

/** Returns why the reason of an action is not accepted. */
export function reasonProblem({ pages }: Pick<HttpDeps, 'pages'>, ctx: Context, reason: string): string | undefined {
  if (reason.trim() === '') return pages.t(ctx, 'console.reason.missing');
  return reason.length > MAX_REASON_LENGTH
    ? pages.t(ctx, 'console.reason.tooLong', { max: MAX_REASON_LENGTH })
    : undefined;
}
