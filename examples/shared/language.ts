/** The language that a person chose in the app: a cookie of the browser, so that signed-out pages have it too. */
import type { RouterContext } from '@koa/router';
import type { Context as KoaContext } from 'koa';
import { z } from 'zod';
import type { AppDeps } from './request-context.ts';
import type { Context } from './sessions.ts';
import { LANGUAGES, pickLanguage, type Language } from './translations.ts';

const COOKIE_MAX_AGE_MS = 365 * 86_400_000;
const languageQuery = z.object({
  to: z.enum(LANGUAGES),
  /** A path of this app. Browsers read `//other` and `/\other` as another host. */
  back: z
    .string()
    .regex(/^\/(?![/\\])[^\\\s]*$/)
    .catch('/'),
});

function cookieName(app: string): string {
  return `${app}_language`;
}

function chosenLanguage(ctx: KoaContext, app: string): Language | undefined {
  const value = ctx.cookies.get(cookieName(app), { signed: false });
  return LANGUAGES.find((language) => language === value);
}

/** Returns the language of a page: the choice in this browser, the claim `locale`, or the language of the browser. */
export function languageOf(ctx: KoaContext, app: string, context: Context | undefined): Language {
  return chosenLanguage(ctx, app) ?? pickLanguage(context?.person.locale, ctx.acceptsLanguages([...LANGUAGES]));
}

/** Returns the value of `ui_locales`. Without a choice or a claim, the service reads Accept-Language itself. */
export function knownLanguage(ctx: KoaContext, app: string, context: Context | undefined): string | undefined {
  return chosenLanguage(ctx, app) ?? context?.person.locale;
}

/** `GET /language?to=en&back=/c/…`: stores the language for a year and redirects to the previous page. */
export function switchLanguage({ name, config }: AppDeps) {
  return (ctx: RouterContext): void => {
    const query = languageQuery.safeParse(ctx.query);
    if (!query.success) {
      ctx.throw(400);
      return;
    }
    const secure = config.baseUrl.startsWith('https:');
    ctx.cookies.secure = secure;
    ctx.cookies.set(cookieName(name), query.data.to, {
      httpOnly: true,
      sameSite: 'lax',
      secure,
      maxAge: COOKIE_MAX_AGE_MS,
      signed: false,
      overwrite: true,
    });
    ctx.status = 303;
    ctx.redirect(query.data.back);
  };
}
