import type { Context } from 'koa';
import { z } from 'zod';
import { MINUTE_MS, SECOND_MS } from '../../domain/duration.ts';
import { cookieNames, UNSIGNED_COOKIE } from '../../oidc/options/cookies.ts';
import type { HttpDeps } from '../deps.ts';
import { openValue, sealValue } from '../sealed-value.ts';

/*
 * A rejected form is answered with a redirect to the page of the form (RFC 9110, section 15.4.4), so a reload and the history of the browser
 * send nothing again. The page reads the reasons and the typed values from a sealed cookie: rejected forms store nothing in the database.
 * A password, sign-in code or national ID is never kept. A page that has to contain one again is the response to the form itself.
 */

/** Long enough to correct a form. */
const MAX_AGE_MS = 10 * MINUTE_MS;
/** Of the sealed cookie. Browsers drop cookies over 4,096 bytes with their attributes (RFC 6265bis, section 5.6). */
const MAX_COOKIE_LENGTH = 3_500;

const rejectionShape = z.object({
  status: z.number().int(),
  alert: z.string().optional(),
  errors: z.record(z.string(), z.string()).optional(),
  values: z.record(z.string(), z.string()).optional(),
  /** The page does not contain the typed passwords again. */
  isCleared: z.boolean().optional(),
});

/** The reasons against a form, and the typed values. */
export type Rejection = z.infer<typeof rejectionShape>;

const keptShape = rejectionShape.extend({
  lang: z.string(),
  expiresAt: z.number(),
  /** Instant of the next admitted attempt, in ms. */
  retryAt: z.number().optional(),
});

/** The page of a form. */
export interface FormPage {
  /** The path of the page. The cookie has it too, so forms of different pages do not mix. */
  path: string;
  /** The interaction and its prompt, or the session. Another one does not see the rejection. */
  owner: string;
}

type Deps = Pick<HttpDeps, 'clock' | 'pages' | 'secrets'>;

/** Keeps the rejection of a form and redirects to the page of the form. @param search the query of the page, with its question mark */
export function redirectRejected(deps: Deps, ctx: Context, page: FormPage, rejection: Rejection, search = ''): void {
  const { clock, pages, secrets } = deps;
  const retryAfter = Number(ctx.response.get('retry-after'));
  ctx.remove('retry-after');
  const kept: z.infer<typeof keptShape> = {
    ...rejection,
    lang: pages.langOf(ctx),
    expiresAt: clock.now() + MAX_AGE_MS,
    ...(retryAfter > 0 ? { retryAt: clock.now() + retryAfter * SECOND_MS } : {}),
  };
  const seal = (value: typeof kept): string => sealValue(secrets, contextOf(page), value);
  const sealed = seal(kept);
  const options = { ...UNSIGNED_COOKIE, path: page.path, maxAge: MAX_AGE_MS };
  const value = sealed.length > MAX_COOKIE_LENGTH ? seal({ ...kept, values: {} }) : sealed;
  ctx.cookies.set(cookieNames(ctx.secure).rejectedForm, value, options);
  ctx.status = 303;
  ctx.redirect(page.path + search);
}

/**
 * Returns the rejection that the page shows. The typed values stay when the language changes or the delay is over; the reasons do not.
 *
 * @returns undefined if the last form of the page was not rejected, or belongs to another owner
 */
export function findRejection(deps: Deps, ctx: Context, page: FormPage): Rejection | undefined {
  const { clock, pages, secrets } = deps;
  const cookie = ctx.cookies.get(cookieNames(ctx.secure).rejectedForm, { signed: false });
  const kept = openValue(secrets, contextOf(page), keptShape, cookie);
  if (kept === undefined || kept.expiresAt <= clock.now()) return undefined;
  const { lang, retryAt, values } = kept;
  if (lang !== pages.langOf(ctx) || (retryAt !== undefined && retryAt <= clock.now())) {
    return { status: 200, ...(values === undefined ? {} : { values }) };
  }
  if (retryAt !== undefined) ctx.set('retry-after', String(Math.ceil((retryAt - clock.now()) / SECOND_MS)));
  return rejectionShape.parse(kept);
}

/** The query of an account page after a rejected form. Without it the page has no errors: the person has opened it again. */
export const REJECTED = '?rejected';

/** Returns the rejection that a page with the query `REJECTED` shows. */
export function findMarkedRejection(deps: Deps, ctx: Context, page: FormPage): Rejection | undefined {
  return ctx.query['rejected'] === undefined ? undefined : findRejection(deps, ctx, page);
}

function contextOf({ path, owner }: FormPage): Parameters<typeof sealValue>[1] {
  return { purpose: 'rejected-form', row: `${path} ${owner}` };
}
