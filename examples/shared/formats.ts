/** Formats values for pages, in one way per language. Pure. */
import type { Language, Translate } from './translations.ts';

/** Formats that views use as `page.day(…)`. */
export interface Formats {
  /** `2026年12月5日`; `December 5, 2026` */
  day(isoDay: string): string;
  /** A day with the time in Taiwan. @param at milliseconds since 1970 */
  moment(at: number): string;
  /** `2,400` */
  number(value: number): string;
  /** `180 kB`, `2.6 MB` */
  size(kilobytes: number): string;
  /** The term `115-1`: `115 學年度第 1 學期`; `Semester 1, school year 2026–2027` */
  term(term: string): string;
  /** Returns HTML: the escaped text, with Chinese parts marked for screen readers on pages in other languages. */
  marked(text: string): string;
}

/** The Republic of China counts years from 1912. */
const YEARS_BEFORE_REPUBLIC = 1_911;
const DATE = { year: 'numeric', month: 'long', day: 'numeric' } as const;
const TIME = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: 'Asia/Taipei' } as const;
/** Chinese text, with digits and punctuation inside it. */
const CHINESE = /\p{Script=Han}(?:[\p{Script=Han}\p{N}、，。：「」（）]*\p{Script=Han})?/gu;
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

export function createFormats(t: Translate, language: Language): Formats {
  return {
    day: (isoDay) => new Intl.DateTimeFormat(language, { ...DATE, timeZone: 'UTC' }).format(Date.parse(isoDay)),
    moment: (at) => new Intl.DateTimeFormat(language, { ...DATE, ...TIME }).format(at),
    number: (value) => value.toLocaleString('en'),
    size: (kilobytes) => (kilobytes < 1_000 ? `${String(kilobytes)} kB` : `${(kilobytes / 1_000).toFixed(1)} MB`),
    term: (term) => {
      const [year = 0, semester = 0] = term.split('-').map(Number);
      const from = year + YEARS_BEFORE_REPUBLIC;
      return t('termName', { semester, year: language === 'zh-TW' ? year : `${String(from)}–${String(from + 1)}` });
    },
    marked: (text) => {
      const html = escapeHtml(text);
      return language === 'zh-TW' ? html : html.replace(CHINESE, '<span lang="zh-TW">$&</span>');
    },
  };
}
