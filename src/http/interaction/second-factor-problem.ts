import type { Context } from 'koa';
import type { CodeMethod, CodeResult } from '../../services/authentication/second-factor-verification.ts';
import type { HttpDeps } from '../deps.ts';
import { throttledText } from '../forms/password-form.ts';
import type { Rejection } from '../forms/rejected-form.ts';

/** Returns why a code was rejected. */
export function problemOf(
  deps: HttpDeps,
  ctx: Context,
  method: CodeMethod,
  result: Exclude<CodeResult, { kind: 'verified' | 'expired' }>,
): Rejection {
  const { pages } = deps;
  if (result.kind === 'throttled') {
    const { until } = result;
    const alert =
      until === undefined
        ? pages.t(ctx, 'secondFactor.locked')
        : throttledText(deps, ctx, until, 'secondFactor.tooMany');
    return { status: 429, alert };
  }
  if (result.kind === 'used') return { status: 422, errors: { code: pages.t(ctx, 'secondFactor.used') } };
  const wrong = method === 'totp' ? pages.t(ctx, 'secondFactor.wrong') : pages.t(ctx, 'secondFactor.wrongRecoveryCode');
  return { status: 422, errors: { code: wrong } };
}
