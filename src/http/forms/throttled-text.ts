import type { Context } from 'koa';
import type { HttpDeps } from '../deps.ts';

/**
 * Says how long to wait, and tells the browser too.
 *
 * @param until ms; `undefined`: locked until an e-mailed link opens it
 * @param key the text, with a place for `{time}`
 */
export function throttledText(
  { pages, i18n, clock }: Pick<HttpDeps, 'pages' | 'i18n' | 'clock'>,
  ctx: Context,
  until: number | undefined,
  key = 'alert.tooMany',
): string {
  if (until === undefined) return pages.t(ctx, 'alert.locked');
  const seconds = Math.max(1, Math.ceil((until - clock.now()) / 1000));
  ctx.set('retry-after', String(seconds));
  // Rounded up to the next minute, because people read a clock without seconds.
  const shown = Math.ceil(until / 60_000) * 60_000;
  return pages.t(ctx, key, { time: i18n.clock(pages.langOf(ctx), shown) });
}
