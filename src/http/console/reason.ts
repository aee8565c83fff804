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

/** The state of an answer form that is shown again: with its reason, or with an error. */
export interface AnswerState {
  status?: number;
  reason?: string;
  error?: string;
  alert?: string;
  notice?: string | undefined;
}

/** Returns the locals of the answer form that both pages of requests share. */
export function toAnswerLocals({ reason = '', error, alert, notice }: AnswerState): {
  values: { reason: string };
  errors: Record<string, string>;
  alert: string | undefined;
  notice: string | undefined;
} {
  return { values: { reason }, errors: error === undefined ? {} : { reason: error }, alert, notice };
}
