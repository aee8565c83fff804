import { foldText } from '../domain/directory/folding.ts';

/** One component of a name. The type is in lower case. */
export interface Rdn {
  type: string;
  value: string;
}

const TYPE = /^\s*([a-z][a-z\d-]*|\d+(?:\.\d+)+)\s*$/i;
const HEX_PAIR = /^[\da-f]{2}$/i;
const ESCAPED = new Set([' ', '"', '#', '+', ',', ';', '<', '=', '>', '\\']);
/** Longest name that the service reads, in characters. Its own names are shorter than 200. */
const MAX_LENGTH = 2_000;

/**
 * Parses a name (RFC 4514).
 *
 * @returns the components, the entry first; undefined when the text is no name, or has a component of several values, which no entry has
 */
export function parseDn(text: string): Rdn[] | undefined {
  if (text.length > MAX_LENGTH) return undefined;
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
  const bytes: Buffer[] = [];
  const text = raw.replace(/^ +/, '').replace(/(?<!\\) +$/, '');
  for (let at = 0; at < text.length;) {
    const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
    if (character !== '\\') {
      if (character === '+' || character === '"' || character === '\0') return undefined;
      bytes.push(Buffer.from(character));
      at += character.length;
      continue;
    }
    const pair = text.slice(at + 1, at + 3);
    const next = text[at + 1];
    if (HEX_PAIR.test(pair)) {
      bytes.push(Buffer.from(pair, 'hex'));
      at += 3;
    } else if (next !== undefined && ESCAPED.has(next)) {
      bytes.push(Buffer.from(next));
      at += 2;
    } else return undefined;
  }
  return Buffer.concat(bytes).toString('utf8');
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
