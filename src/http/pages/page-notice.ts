import type { Context } from 'koa';
import { z } from 'zod';
import { MINUTE_MS } from '../../domain/duration.ts';
import { cookieNames, UNSIGNED_COOKIE } from '../../oidc/options/cookies.ts';
import type { HttpDeps } from '../deps.ts';
import { openValue, sealValue } from '../sealed-value.ts';

/*
 * The result of a form is a notice on the page that the form redirects to. The notice is in a sealed cookie, and the page shows it once. A
 * query parameter would let a link of another site put a notice on the page.
 */

/** Longer than any redirect takes. */
const MAX_AGE_MS = 10 * MINUTE_MS;

const keptShape = z.object({
  name: z.string(),
  values: z.record(z.string(), z.string()),
  expiresAt: z.number(),
});

/** The key of a text, and the values in the text. */
export interface PageNotice<Name extends string = string> {
  name: Name;
  values: Readonly<Record<string, string>>;
}

type Deps = Pick<HttpDeps, 'clock' | 'secrets'>;

/** Sets the session that the notices of this response belong to. The pages of other sessions do not show them. */
export function setNoticeOwner(ctx: Context, sessionHash: string): void {
  ctx.state['noticeOwner'] = sessionHash;
}

/** Redirects to a page of the service, which shows the notice once. @param url a local path, with or without a query */
export function redirectWithNotice(
  { clock, secrets }: Deps,
  ctx: Context,
  url: string,
  name: string,
  values: PageNotice['values'] = {},
): void {
  const kept: z.infer<typeof keptShape> = { name, values, expiresAt: clock.now() + MAX_AGE_MS };
  const [path = ''] = url.split('?');
  const sealed = sealValue(secrets, contextOf(ctx, path), kept);
  ctx.cookies.set(cookieNames(ctx.secure).notice, sealed, { ...UNSIGNED_COOKIE, maxAge: MAX_AGE_MS });
  ctx.status = 303;
  ctx.redirect(url);
}

/** Returns the notice that was left for this page and this session, and deletes it. @param names the notices of the page */
export function takeNotice<Name extends string>(
  deps: Deps,
  ctx: Context,
  names: readonly Name[],
): PageNotice<Name> | undefined {
  const cookie = cookieNames(ctx.secure).notice;
  const sealed = ctx.method === 'GET' ? ctx.cookies.get(cookie, { signed: false }) : undefined;
  const kept = sealed && openValue(deps.secrets, contextOf(ctx, ctx.path), keptShape, sealed);
  if (!kept) return undefined;
  ctx.cookies.set(cookie, null, UNSIGNED_COOKIE);
  const name = names.find((one) => one === kept.name);
  return name === undefined || kept.expiresAt <= deps.clock.now() ? undefined : { name, values: kept.values };
}

/** Returns the text of the notice of a page that has one notice only. */
export function takeNoticeText(deps: HttpDeps, ctx: Context, name: string, key: string): string | undefined {
  return takeNotice(deps, ctx, [name]) && deps.pages.t(ctx, key);
}

function contextOf(ctx: Context, path: string): Parameters<typeof sealValue>[1] {
  return { purpose: 'page-notice', row: `${path} ${z.string().parse(ctx.state['noticeOwner'])}` };
}
