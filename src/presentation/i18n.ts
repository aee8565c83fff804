/**
 * The interface text. Each file in `config/locales` is one language. Traditional Chinese is the original and the fallback for text that
 * another language lacks.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInstance } from 'i18next';
import { z } from 'zod';
import { DEFAULT_LANGUAGE } from '../domain/text.ts';
import { describeDevice } from './device-text.ts';

export type MessageParams = Readonly<Record<string, string | number>>;

/** The sources of the language, highest precedence first. */
export interface LanguagePreferences {
  /** Chosen in this browser in the last hour, by the switch in the page header. */
  cookie?: string | undefined;
  /** `ui_locales` of the authorization request: space-separated tags (OpenID Connect Core 1.0, section 3.1.2.1). */
  uiLocales?: string | undefined;
  personLocale?: string | undefined;
  /** Chosen in this browser earlier, perhaps by another person. */
  earlierCookie?: string | undefined;
  /** The request header (RFC 9110, section 12.5.4). */
  acceptLanguage?: string | undefined;
}

export interface I18n {
  /** The default language first, the others sorted by tag. */
  readonly languages: readonly string[];
  /** The name of each language in that language. */
  readonly names: Readonly<Record<string, string>>;
  /** Returns the text of a key, not escaped for HTML. Returns an unknown key unchanged. */
  t(lang: string, key: string, vars?: MessageParams): string;
  /** Joins sentences, with a space where the language uses one. */
  sentences(lang: string, texts: readonly string[]): string;
  /** Selects one of `languages`. */
  negotiate(preferences: LanguagePreferences): string;
  /** Formats date and time of an instant (ms) in the city's time zone. */
  formatDateTime(lang: string, instant: number): string;
  /** Formats the time of day of an instant (ms) in the city's time zone. */
  clock(lang: string, instant: number): string;
  /** Formats a date `YYYY-MM-DD`. */
  day(lang: string, day: string): string;
  /** Describes a stored device name (device-text.ts); `undefined` or empty: unknown. */
  device(lang: string, name: string | undefined): string;
}

interface MessageTree {
  [key: string]: string | MessageTree;
}

const messageTree: z.ZodType<MessageTree> = z.lazy(() => z.record(z.string(), z.union([z.string(), messageTree])));
const localeSchema = z.intersection(
  messageTree,
  z.looseObject({ language: z.looseObject({ name: z.string().min(1) }) }),
);

interface Locale {
  name: string;
  messages: MessageTree;
}

function readLocale(file: string): Locale {
  const parsed = localeSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!parsed.success) throw new Error(`${file}: not a language file: ${z.prettifyError(parsed.error)}`);
  return { name: parsed.data.language.name, messages: parsed.data };
}

function readLocales(dir: string): Map<string, Locale> {
  const files = readdirSync(dir).filter((file) => file.endsWith('.json'));
  const tags = files.map((file) => basename(file, '.json')).sort((a, b) => a.localeCompare(b));
  if (!tags.includes(DEFAULT_LANGUAGE)) throw new Error(`${dir}: ${DEFAULT_LANGUAGE}.json is missing`);
  const ordered = [DEFAULT_LANGUAGE, ...tags.filter((tag) => tag !== DEFAULT_LANGUAGE)];
  return new Map(ordered.map((tag) => [tag, readLocale(join(dir, `${tag}.json`))]));
}

/** Returns the tags of an Accept-Language header by descending weight. Reads at most 20 entries and omits those with `q=0`. */
function acceptedTags(header: string): string[] {
  const entries = header
    .slice(0, 1000)
    .split(',')
    .slice(0, 20)
    .map((entry) => {
      const [tag = '', ...params] = entry.split(';').map((part) => part.trim());
      const q = params.find((param) => param.toLowerCase().startsWith('q='));
      return { tag, weight: q === undefined ? 1 : Number(q.slice(2)) };
    });
  return entries
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ tag }) => tag);
}

/** Finds the language of a tag: the same tag, else the first with the same primary language (`zh-HK` matches `zh-TW`). */
function match(languages: readonly string[], tag: string): string | undefined {
  const wanted = tag.toLowerCase();
  const primary = wanted.split('-')[0];
  return (
    languages.find((language) => language.toLowerCase() === wanted) ??
    languages.find((language) => language.toLowerCase().split('-')[0] === primary)
  );
}

function createNegotiate(languages: readonly string[]): I18n['negotiate'] {
  return ({ cookie, uiLocales, personLocale, earlierCookie, acceptLanguage }) => {
    const tags = [
      cookie ?? '',
      ...(uiLocales ?? '').slice(0, 1000).split(' '),
      personLocale ?? '',
      earlierCookie ?? '',
      ...acceptedTags(acceptLanguage ?? ''),
    ];
    for (const tag of tags) {
      const language = match(languages, tag);
      if (language !== undefined) return language;
    }
    return DEFAULT_LANGUAGE;
  };
}

function createFormats(timeZone: string): Pick<I18n, 'formatDateTime' | 'clock' | 'day'> {
  const cached = new Map<string, Intl.DateTimeFormat>();
  const format = (lang: string, kind: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => {
    const key = `${kind} ${lang}`;
    const known = cached.get(key) ?? new Intl.DateTimeFormat(lang, options);
    cached.set(key, known);
    return known;
  };
  const time = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
  const date = { year: 'numeric', month: 'long', day: 'numeric' } as const;
  return {
    formatDateTime: (lang, instant) => format(lang, 'when', { ...date, ...time, timeZone }).format(instant),
    clock: (lang, instant) => format(lang, 'clock', { ...time, timeZone }).format(instant),
    day: (lang, day) => format(lang, 'day', { ...date, timeZone: 'UTC' }).format(Date.parse(day)),
  };
}

/**
 * @param dir folder with one JSON file per language
 * @param timeZone IANA name of the time zone of displayed times
 * @throws {Error} that names the file when it is not a language file, or the default language is missing
 */
export function createI18n(dir: string, timeZone = 'Asia/Taipei'): I18n {
  const locales = readLocales(dir);
  const languages = [...locales.keys()];
  const engine = createInstance();
  void engine.init({
    initAsync: false,
    lng: DEFAULT_LANGUAGE,
    fallbackLng: DEFAULT_LANGUAGE,
    supportedLngs: languages,
    nsSeparator: false,
    // `vars` contain names of people and apps. They must not be interpreted as keys or placeholders.
    interpolation: { prefix: '{', suffix: '}', escapeValue: false, skipOnVariables: true },
    resources: Object.fromEntries([...locales].map(([tag, { messages }]) => [tag, { translation: messages }])),
  });
  const t: I18n['t'] = (lang, key, vars = {}) => engine.t(key, { lng: lang, nest: false, replace: { ...vars } });
  return {
    languages,
    names: Object.fromEntries([...locales].map(([tag, { name }]) => [tag, name])),
    t,
    sentences: (lang, texts) =>
      texts.length === 0 ? '' : texts.reduce((first, next) => t(lang, 'list.sentences', { first, next })),
    negotiate: createNegotiate(languages),
    ...createFormats(timeZone),
    device: (lang, name) => describeDevice((key, vars) => t(lang, key, vars), name),
  };
}
