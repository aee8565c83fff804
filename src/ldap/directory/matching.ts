import { parseLogin, parseMobile } from '../../domain/credentials/identifiers.ts';
import { foldPart, foldText } from '../../domain/directory/folding.ts';
import { normalizeDn, parseDn } from '../dn.ts';
import { MAX_VALUE_LENGTH, type Filter } from '../protocol.ts';
import type { DirectoryEntry } from './entries.ts';
import { findAttribute, type Rule } from './schema.ts';

/** The result of a filter. `undefined` is Undefined (RFC 4511, section 4.5.1.7): its negation is Undefined, too. */
type Truth = boolean | undefined;

type Evaluate = (entry: DirectoryEntry) => Truth;

/**
 * Returns how to test whether entries match a filter. Attributes that the client may not see are Undefined, so a filter reveals nothing of
 * them.
 */
export function createMatcher(filter: Filter): (entry: DirectoryEntry) => boolean {
  const evaluate = compile(filter, createComparable());
  return (entry) => evaluate(entry) === true;
}

/** Returns true if an entry matches a filter. */
export function matches(filter: Filter, entry: DirectoryEntry): boolean {
  return createMatcher(filter)(entry);
}

function compile(filter: Filter, comparable: Comparable): Evaluate {
  const compileParts = (filters: readonly Filter[]): Evaluate[] => filters.map((one) => compile(one, comparable));
  switch (filter.kind) {
    case 'and':
      return combine(compileParts(filter.filters), false);
    case 'or':
      return combine(compileParts(filter.filters), true);
    case 'not': {
      const evaluate = compile(filter.filter, comparable);
      return (entry) => {
        const result = evaluate(entry);
        return result === undefined ? undefined : !result;
      };
    }
    case 'unknown':
      return isUndefined;
    case 'present':
    case 'equality':
    case 'greaterOrEqual':
    case 'lessOrEqual':
    case 'substrings':
      return compileCondition(filter, comparable);
  }
}

const isUndefined: Evaluate = () => undefined;

/** @param decisive the result of one part that decides the result */
function combine(parts: readonly Evaluate[], decisive: boolean): Evaluate {
  return (entry) => {
    let result: Truth = !decisive;
    for (const evaluate of parts) {
      const part = evaluate(entry);
      if (part === decisive) return decisive;
      if (part === undefined) result = undefined;
    }
    return result;
  };
}

export type Condition = Extract<Filter, { attribute: string }>;

/** Returns true if a condition can be true or false for a person: the rule of the attribute has this comparison, and reads the value. */
export function isDefined(filter: Condition, rule: Rule): boolean {
  if (filter.kind === 'present') return true;
  if (!valuesOf(filter).every(isComparable)) return false;
  if (filter.kind === 'substrings') return rule === 'ignoreCase' || rule === 'login' || rule === 'telephone';
  if (rule === 'time') return parseTime(filter.value) !== undefined;
  if (rule === 'integer') return filter.kind === 'equality' && /^-?\d{1,15}$/.test(filter.value);
  return filter.kind === 'equality' && (rule !== 'name' || isNameOfEntry(filter.value));
}

function valuesOf(filter: Exclude<Condition, { kind: 'present' }>): string[] {
  if (filter.kind !== 'substrings') return [filter.value];
  return [filter.initial, ...filter.any, filter.final].filter((part) => part !== undefined);
}

function isNameOfEntry(text: string): boolean {
  return parseDn(text)?.every(({ value }) => isComparable(value)) ?? false;
}

/** Returns true if an entry can have a value: PostgreSQL stores no NUL. */
export function isComparable(value: string): boolean {
  return value.length <= MAX_VALUE_LENGTH && !value.includes('\0');
}

function compileCondition(filter: Condition, comparable: Comparable): Evaluate {
  const type = findAttribute(filter.attribute);
  if (type === undefined || !isDefined(filter, type.rule)) return isUndefined;
  const { name } = type;
  const isMatch = filter.kind === 'present' ? () => true : matcher(filter, type.rule, comparable);
  return (entry) => {
    if (entry.unreadable.has(name)) return undefined;
    if (entry.valuesOf(name).some(isMatch)) return true;
    return filter.kind === 'equality' && (entry.hidden.get(name)?.some(isMatch) ?? false);
  };
}

/** Returns how to compare a value with a condition. */
function matcher(
  filter: Exclude<Condition, { kind: 'present' }>,
  rule: Rule,
  comparable: Comparable,
): (value: string) => boolean {
  if (filter.kind === 'substrings') {
    const parts = comparableParts(filter, rule);
    return (value) => hasSubstrings(parts, rule === 'time' ? value : comparable(rule, value));
  }
  if (rule === 'time') {
    const range = timeRange(filter);
    return (value) => range !== undefined && isWithin(parseTime(value) ?? Number.NaN, range);
  }
  const asserted = comparable(rule, filter.value);
  // Clients mostly assert values as the directory returns them.
  return (value) => value === filter.value || comparable(rule, value) === asserted;
}

export interface Parts {
  initial: string | undefined;
  any: readonly string[];
  final: string | undefined;
}

/** Returns the parts of a substring filter as a rule compares them (RFC 4518, section 2.6.1). */
export function comparableParts({ initial, any, final }: Parts, rule: Rule): Parts {
  if (rule !== 'telephone')
    return {
      initial: initial === undefined ? undefined : foldPart(initial).trimStart(),
      any: any.map(foldPart),
      final: final === undefined ? undefined : foldPart(final).trimEnd(),
    };
  const digits = (part: string): string => foldPart(part).replaceAll(/[\s-]/g, '');
  return {
    initial: initial === undefined ? undefined : digits(initial).replace(/^0(?=9)/, '+886'),
    any: any.map(digits),
    final: final === undefined ? undefined : digits(final),
  };
}

function hasSubstrings({ initial = '', any, final = '' }: Parts, value: string): boolean {
  if (!value.startsWith(initial)) return false;
  let at = initial.length;
  for (const part of any) {
    const found = value.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return value.length - at >= final.length && value.endsWith(final);
}

/** Returns a value as a rule compares it. */
type Comparable = (rule: Exclude<Rule, 'time'>, value: string) => string;

/** Most names that one filter remembers. A search reads the same groups of many people, and the same members of many groups. */
const MAX_NAMES = 1_000;

/** Returns how to compare values. Each condition compares each name of an entry, so a name is normalized once. */
function createComparable(): Comparable {
  const names = new Map<string, string>();
  return (rule, value) => {
    if (rule !== 'name') return normalize(rule, value);
    const known = names.get(value);
    if (known !== undefined) return known;
    if (names.size >= MAX_NAMES) names.clear();
    const name = normalize(rule, value);
    names.set(value, name);
    return name;
  };
}

/** Normalizes a value for a rule (RFC 4518). */
function normalize(rule: Exclude<Rule, 'time'>, value: string): string {
  switch (rule) {
    case 'ignoreCase':
    case 'identifier':
      return foldText(value);
    case 'login':
      // As the sign-in page reads it.
      return parseLogin(value)?.value ?? foldText(value);
    case 'integer':
      return String(Number(value));
    case 'telephone':
      // Stored numbers begin with +886; people and old software write 09….
      return parseMobile(value) ?? foldText(value).replaceAll(/[\s-]/g, '');
    case 'name': {
      const components = parseDn(value);
      return components === undefined ? foldText(value) : normalizeDn(components);
    }
  }
}

/** Instants in ms, both included. */
export interface TimeRange {
  from: number;
  to: number;
}

const isWithin = (time: number, { from, to }: TimeRange): boolean => time >= from && time <= to;

/** Returns the instants that a condition on a time asserts. @returns undefined when its value is no time */
export function timeRange({ kind, value }: { kind: Condition['kind']; value: string }): TimeRange | undefined {
  const time = parseTime(value);
  if (time === undefined) return undefined;
  return {
    from: kind === 'lessOrEqual' ? Number.MIN_SAFE_INTEGER : time,
    to: kind === 'greaterOrEqual' ? Number.MAX_SAFE_INTEGER : time,
  };
}

const TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)?(\d\d)?(?:[.,](\d{1,9}))?(?:Z|([+-]\d\d)(\d\d)?)$/;
const [SECOND_MS, MINUTE_MS, HOUR_MS] = [1_000, 60_000, 3_600_000];

/** Parses a GeneralizedTime (RFC 4517, section 3.3.13). @returns ms since 1970 */
function parseTime(text: string): number | undefined {
  const [all, year, month, day, hour, minute, second, fraction, zoneHour, zoneMinute] = TIME.exec(text) ?? [];
  if (all === undefined) return undefined;
  const or = (digits: string | undefined, otherwise: string): string => digits ?? otherwise;
  const clock = [or(hour, ''), or(minute, '00'), or(second, '00')].join(':');
  const zone = zoneHour === undefined ? 'Z' : `${zoneHour}:${or(zoneMinute, '00')}`;
  const time = Date.parse(`${[year, month, day].join('-')}T${clock}${zone}`);
  // A fraction belongs to the last unit that is written.
  const lastUnit = minute === undefined ? HOUR_MS : MINUTE_MS;
  const fractionMs = Math.floor(Number(`0.${or(fraction, '0')}`) * (second === undefined ? lastUnit : SECOND_MS));
  return Number.isNaN(time) ? undefined : time + fractionMs;
}
