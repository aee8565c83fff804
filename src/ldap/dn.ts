import { foldText } from '../domain/directory/folding.ts';
import { MAX_VALUE_LENGTH } from './protocol.ts';

/** One component of a name. The type is in lower case. */
export interface Rdn {
  type: string;
  value: string;
}

const TYPE = /^\s*([a-z][a-z\d-]*|\d+(?:\.\d+)+)\s*$/i;
/** A byte, or a character that needs an escape (RFC 4514, section 3). */
const ESCAPE = /\\(?:([\da-f]{2})|([ "#+,;<=>\\]))/gi;
const UNESCAPED_SPECIAL = /[\\"+]/;

/**
 * Parses a name (RFC 4514).
 *
 * @returns the components, the entry first; undefined when the text is no name, or has a component of several values, which no entry has
 */
export function parseDn(text: string): Rdn[] | undefined {
  if (text.length > MAX_VALUE_LENGTH) return undefined;
  if (text.trim() === '') return [];
  const parts = splitDn(text);
  const components = parts?.map(parseRdn) ?? [undefined];
  const known = components.filter((one) => one !== undefined);
  return known.length === components.length ? known : undefined;
}

/** Splits at commas that are not escaped. @returns undefined when it ends with a lone backslash */
function splitDn(text: string): string[] | undefined {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    // Version 2 of LDAP also had the semicolon (RFC 2253, section 4).
    else if (text[at] === ',' || text[at] === ';') {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
    if (at >= text.length) return undefined;
  }
  return [...parts, text.slice(start)];
}

function parseRdn(part: string): Rdn | undefined {
  const at = part.indexOf('=');
  const type = at < 0 ? undefined : TYPE.exec(part.slice(0, at))?.[1];
  const value = type === undefined ? undefined : unescape(part.slice(at + 1));
  return type === undefined || value === undefined ? undefined : { type: type.toLowerCase(), value };
}

function unescape(raw: string): string | undefined {
  const text = trimSpaces(raw);
  if (text.includes('\0') || UNESCAPED_SPECIAL.test(text.replaceAll(ESCAPE, ''))) return undefined;
  const bytes: Buffer[] = [];
  let end = 0;
  for (const { 0: escape, 1: hex, 2: character = '', index } of text.matchAll(ESCAPE)) {
    bytes.push(
      Buffer.from(text.slice(end, index)),
      hex === undefined ? Buffer.from(character) : Buffer.from(hex, 'hex'),
    );
    end = index + escape.length;
  }
  return Buffer.concat([...bytes, Buffer.from(text.slice(end))]).toString('utf8');
}

/** Linear: a regular expression that is anchored at the end would be quadratic. */
function trimSpaces(raw: string): string {
  let end = raw.length;
  while (raw[end - 1] === ' ' && raw[end - 2] !== '\\') end -= 1;
  return raw.slice(0, end).replace(/^ +/, '');
}

/** Writes a component with the escapes of RFC 4514, section 2.4. */
export function formatRdn(type: string, value: string): string {
  const escaped = value
    .replace(/[\\"+,;<>=]/g, (character) => `\\${character}`)
    .replaceAll('\0', '\\00')
    .replace(/^[ #]/, (character) => `\\${character}`)
    // A single space is escaped already.
    .replace(/(?<!^\\) $/, '\\ ');
  return `${type}=${escaped}`;
}

/** Returns a name as comparisons use it. */
export function normalizeDn(components: readonly Rdn[]): string {
  return components.map(({ type, value }) => formatRdn(type, foldText(value))).join(',');
}
