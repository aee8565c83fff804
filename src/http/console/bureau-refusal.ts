import type { Context } from 'koa';
import type { HttpDeps } from '../deps.ts';
import type { Refusal } from './confirmation.ts';

type RefusedKind = 'denied' | 'changed_meanwhile' | 'exists' | 'demo_code' | 'already_done';

const STATUS: Readonly<Record<RefusedKind, number>> = {
  denied: 403,
  changed_meanwhile: 409,
  exists: 422,
  demo_code: 422,
  already_done: 422,
};

/** Says why a service of the bureau made no change. @returns undefined if it made the change */
export function refusalOf(
  { pages }: HttpDeps,
  ctx: Context,
  { kind }: { kind: RefusedKind | 'done' },
): Refusal | undefined {
  return kind === 'done' ? undefined : { status: STATUS[kind], alert: pages.t(ctx, `bureau.refused.${kind}`) };
}
