import type { Context, Middleware } from 'koa';
import type { Clock } from '../../domain/clock.ts';
import { DAY_MS, HOUR_MS } from '../../domain/duration.ts';
import { cookieNames } from '../../oidc/options/cookies.ts';
import type { I18n, LanguagePreferences } from '../../presentation/i18n.ts';

const COOKIE_MAX_AGE_MS = 365 * DAY_MS;
/** An earlier choice may be that of another person at a shared computer. */
const CURRENT_CHOICE_MS = HOUR_MS;

/** A choice in the page header: the language, seconds since 1970, and the mark of a person. Cookies of earlier versions have no time. */
const CHOICE = /^(?<tag>[A-Za-z-]{2,35})(?:\.(?<at>\d{1,12})(?<person>\.person)?)?$/;

interface Deps {
  i18n: I18n;
  clock: Clock;
}

interface LanguageChoice {
  tag: string;
  /** Seconds since 1970. */
  at: number;
  /** A person made it signed in, or has signed in since. The next person at a shared computer did not make it. */
  isOfPerson: boolean;
}

function readChoice(ctx: Context): LanguageChoice | undefined {
  const { tag, at = '0', person } = CHOICE.exec(ctx.cookies.get(cookieNames(ctx.secure).language) ?? '')?.groups ?? {};
  return tag === undefined ? undefined : { tag, at: Number(at), isOfPerson: person !== undefined };
}

function isCurrent({ at }: LanguageChoice, now: number): boolean {
  return now - at * 1000 < CURRENT_CHOICE_MS;
}

/** Sets the language of each request (docs/integrators.md, "Language"). Signed-in pages add the language of the person. */
export function locale({ i18n, clock }: Deps): Middleware {
  return async (ctx, next) => {
    const choice = readChoice(ctx);
    const uiLocales = ctx.query['ui_locales'];
    preferLanguages(ctx, i18n, {
      [choice !== undefined && isCurrent(choice, clock.now()) ? 'cookie' : 'earlierCookie']: choice?.tag,
      uiLocales: typeof uiLocales === 'string' ? uiLocales : undefined,
      acceptLanguage: ctx.get('accept-language'),
    });
    await next();
  };
}

const preferences = new WeakMap<Context, LanguagePreferences>();

/** Adds preferences to those of the request, and selects its language again. */
export function preferLanguages(ctx: Context, i18n: I18n, more: LanguagePreferences): void {
  const all = { ...preferences.get(ctx), ...more };
  preferences.set(ctx, all);
  ctx.state['lang'] = i18n.negotiate(all);
}

/** Returns the language that was chosen in this browser in the last hour by no known person, if any. */
export function findAnonymousChoice(ctx: Context, { i18n, clock }: Deps): string | undefined {
  const choice = readChoice(ctx);
  if (choice === undefined || choice.isOfPerson || !isCurrent(choice, clock.now())) return undefined;
  return i18n.languages.find((language) => language === choice.tag);
}

/** Stores the choice in this browser, for a year. @param isOfPerson true if the person is known */
export function setChosenLanguage(
  ctx: Context,
  { clock }: Pick<Deps, 'clock'>,
  language: string,
  isOfPerson: boolean,
): void {
  const options = { maxAge: COOKIE_MAX_AGE_MS, sameSite: 'lax', httpOnly: true, overwrite: true } as const;
  const value = `${language}.${String(Math.floor(clock.now() / 1000))}${isOfPerson ? '.person' : ''}`;
  ctx.cookies.set(cookieNames(ctx.secure).language, value, options);
}

/** Returns true for a path of this service, and false for one that browsers read as another host (`//other`, `/\other`). */
export function isLocalPath(path: string): boolean {
  return /^\/(?![/\\])[^\\\s]*$/.test(path);
}
