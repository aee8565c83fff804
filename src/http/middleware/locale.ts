import type { Context, Middleware } from 'koa';
import { DAY_MS } from '../../domain/duration.ts';
import { cookieNames } from '../../oidc/options/cookies.ts';
import type { I18n } from '../../presentation/i18n.ts';

const COOKIE_MAX_AGE_MS = 365 * DAY_MS;

/** Sets the language of each request: the language cookie, then `ui_locales`, then Accept-Language. */
export function locale(i18n: I18n): Middleware {
  return async (ctx, next) => {
    setLocale(ctx, i18n, ctx.query['ui_locales']);
    await next();
  };
}

/** @param uiLocales the parameter of the authorization request (OpenID Connect Core 1.0, section 3.1.2.1) */
export function setLocale(ctx: Context, i18n: I18n, uiLocales: unknown): void {
  ctx.state['lang'] = i18n.negotiate({
    cookie: ctx.cookies.get(cookieNames(ctx.secure).language),
    uiLocales: typeof uiLocales === 'string' ? uiLocales : undefined,
    acceptLanguage: ctx.get('accept-language'),
  });
}

/** `GET /language?to=en&back=/account`: stores the language for a year and redirects to the previous page. */
export function switchLanguage(i18n: I18n): (ctx: Context) => void {
  return (ctx) => {
    const { to, back } = ctx.query;
    if (typeof to === 'string' && i18n.languages.includes(to)) {
      const options = { maxAge: COOKIE_MAX_AGE_MS, sameSite: 'lax', httpOnly: true, overwrite: true } as const;
      ctx.cookies.set(cookieNames(ctx.secure).language, to, options);
    }
    ctx.status = 303;
    ctx.redirect(typeof back === 'string' && isLocalPath(back) ? back : '/account');
  };
}

/** Returns true for a path of this service, and false for one that browsers read as another host (`//other`, `/\other`). */
export function isLocalPath(path: string): boolean {
  return /^\/(?![/\\])[^\\\s]*$/.test(path);
}
