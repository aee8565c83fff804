import { parseLogin, parseMobile } from '../../domain/credentials/identifiers.ts';
import { normalizeDn, parseDn } from '../dn.ts';
import type { Filter } from '../protocol.ts';
import type { DirectoryEntry } from './entries.ts';
import { findAttribute, type Rule } from './schema.ts';

/** The result of a filter. `undefined` is Undefined (RFC 4511, section 4.5.1.7): its negation is Undefined, too. */
type Truth = boolean | undefined;

/** Returns true if an entry matches a filter. Attributes that the client may not see are Undefined, so a filter reveals nothing of them. */
export function matches(filter: Filter, entry: DirectoryEntry): boolean {
  return evaluate(filter, entry) === true;
}

function evaluate(filter: Filter, entry: DirectoryEntry): Truth {
  switch (filter.kind) {
    case 'and':
      return combine(filter.filters, entry, false);
    case 'or':
      return combine(filter.filters, entry, true);
    case 'not': {
      const result = evaluate(filter.filter, entry);
      return result === undefined ? undefined : !result;
    }
    case 'unknown':
      return undefined;
    case 'present':
    case 'equality':
    case 'greaterOrEqual':
    case 'lessOrEqual':
    case 'substrings':
      return evaluateCondition(filter, entry);
  }
}

/** @param decisive the result of one part that decides the result */
function combine(filters: readonly Filter[], entry: DirectoryEntry, decisive: boolean): Truth {
  let result: Truth = !decisive;
  for (const one of filters) {
    const part = evaluate(one, entry);
    if (part === decisive) return decisive;
    if (part === undefined) result = undefined;
  }
  return result;
}

type Condition = Extract<Filter, { attribute: string }>;

function evaluateCondition(filter: Condition, entry: DirectoryEntry): Truth {
  const type = findAttribute(filter.attribute);
  if (type === undefined) return undefined;
  const key = type.name.toLowerCase();
  const values = entry.attributes.find(({ name }) => name === type.name)?.values ?? [];
  if (filter.kind === 'present') return values.length > 0;
  if (filter.kind === 'substrings') return values.some((value) => hasSubstrings(filter, comparable(type.rule, value)));
  const asserted = comparable(type.rule, filter.value);
  if (filter.kind !== 'equality') {
    if (type.rule !== 'time') return undefined;
    const isMatch = (value: string): boolean =>
      filter.kind === 'greaterOrEqual' ? value >= asserted : value <= asserted;
    return values.some((value) => isMatch(comparable(type.rule, value)));
  }
  const hidden = entry.hidden.get(key) ?? [];
  const login = hidden.length === 0 ? undefined : parseLogin(filter.value)?.value;
  return (
    values.some((value) => comparable(type.rule, value) === asserted) ||
    hidden.some((value) => value === login || comparable(type.rule, value) === asserted)
  );
}

function hasSubstrings({ initial, any, final }: Extract<Filter, { kind: 'substrings' }>, value: string): boolean {
  const fold = (text: string): string => foldCase(text);
  let at = 0;
  if (initial !== undefined) {
    if (!value.startsWith(fold(initial))) return false;
    at = fold(initial).length;
  }
  for (const part of any) {
    const found = value.indexOf(fold(part), at);
    if (found < 0) return false;
    at = found + fold(part).length;
  }
  return final === undefined || (value.length - at >= fold(final).length && value.endsWith(fold(final)));
}

function foldCase(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

/** Returns a value as a rule compares it (RFC 4518). */
function comparable(rule: Rule, value: string): string {
  switch (rule) {
    case 'ignoreCase':
      return foldCase(value).replaceAll(/\s+/g, ' ').trim();
    case 'telephone':
      // Stored numbers begin with +886; people and old software write 09….
      return parseMobile(value) ?? foldCase(value).replaceAll(/[\s-]/g, '');
    case 'time':
      return normalizeTime(value);
    case 'name': {
      const components = parseDn(value);
      return components === undefined ? value : normalizeDn(components);
    }
  }
}

/** `20261127123000Z` and `202611271230Z` are the same minute. Fractions are ignored. */
function normalizeTime(value: string): string {
  const digits = /^(\d{10,14})(?:[.,]\d+)?Z$/i.exec(value)?.[1];
  return digits === undefined ? '' : digits.padEnd(14, '0');
}
