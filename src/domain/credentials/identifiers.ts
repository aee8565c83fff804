import { codePoints } from '../text.ts';

/** A normalized login, as the database stores it. */
export interface Login {
  kind: 'email' | 'mobile' | 'account';
  value: string;
}

/** Longest path of a mailbox in SMTP without its angle brackets (RFC 5321, section 4.5.3.1.3). */
export const MAX_LOGIN_LENGTH = 254;
const MAX_LOCAL_PART_LENGTH = 64;

const CONTROL = /\p{Cc}/u;
/** Separators in telephone numbers, and the invisible characters that phones copy with them. */
const PHONE_SEPARATORS = /[\s().\p{Pd}\p{Cf}]/gu;
const MOBILE = /^(?:(?:\+|00)?8860?|0)(9\d{8})$/;
const ATOM = "[a-z0-9!#$%&'*+/=?^_`{|}~-]+";
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const EMAIL = new RegExp(`^${ATOM}(?:\\.${ATOM})*@(?:${LABEL}\\.)+${LABEL}$`);
const ACCOUNT = /^[a-z][a-z0-9._-]{3,63}$/;
const SCHOOL_ACCOUNT = /^p\d{1,16}$/;

/** Normalizes text for comparison: NFKC (full-width letters and digits become ASCII), no spaces at the ends. */
export function normalizeText(input: string): string {
  return input.normalize('NFKC').trim();
}

/** Characters without a glyph that come with copied text: zero width, byte order and bidirectional marks, no-break spaces. */
const INVISIBLE = /[\p{Cf}\p{Default_Ignorable_Code_Point}\u00A0\u2007\u202F]/gu;
/** Spaces, and Chinese and full-width punctuation. Keyboards and copied sentences add it at the ends of a login name. */
const TRIMMED = /^(?:\s|[[\p{Ps}\p{Pe}\p{Pi}\p{Pf}、。，；：！？｡､]--\p{ASCII}])$/v;

/** Linear: a regular expression that is anchored at the end would be quadratic. */
function trimPunctuation(text: string): string {
  const points = codePoints(text);
  const isName = (point: string): boolean => !TRIMMED.test(point);
  return points.slice(Math.max(0, points.findIndex(isName)), points.findLastIndex(isName) + 1).join('');
}

/**
 * Normalizes a typed login name: NFKC, lower case, without invisible characters and without Chinese punctuation at its ends. A Chinese full stop
 * inside is a dot.
 */
export function normalizeLoginName(input: string): string {
  return normalizeText(trimPunctuation(input.replace(INVISIBLE, '')))
    .replaceAll('。', '.')
    .toLowerCase();
}

/** Normalizes a login name. @returns undefined for empty or too long text, or text with control characters */
function normalizeForLookup(input: string): string | undefined {
  if (input.length > MAX_LOGIN_LENGTH) return undefined;
  const plain = normalizeLoginName(input);
  return plain === '' || plain.length > MAX_LOGIN_LENGTH || CONTROL.test(plain) ? undefined : plain;
}

/** Parses a Taiwanese mobile number in any usual form (`0912-345-678`, `+886 912 345 678`, full width) to `+886912345678`. */
export function parseMobile(input: string): string | undefined {
  const digits = normalizeForLookup(input)?.replace(PHONE_SEPARATORS, '');
  const rest = digits === undefined ? undefined : MOBILE.exec(digits)?.[1];
  return rest === undefined ? undefined : `+886${rest}`;
}

/** Formats a stored mobile number as people in Taiwan write it: `+886912345678` → `0912345678`. */
export function formatLocalMobile(value: string): string {
  return value.replace(/^\+886/, '0');
}

/**
 * Returns true if a normalized value is an email address: dot-atom, `@`, a domain of two or more labels (RFC 5321, section 4.1.2;
 * ASCII only, no quoted local parts). Both parts are stored in lower case, because mail providers ignore case.
 */
export function isEmail(value: string): boolean {
  return value.length <= MAX_LOGIN_LENGTH && value.indexOf('@') <= MAX_LOCAL_PART_LENGTH && EMAIL.test(value);
}

/**
 * Returns true if a normalized value may be a custom account name: a letter, then 3–63 of `a-z 0-9 . _ -`. It is never a valid mobile
 * number or email address. `p` with digits is reserved for school accounts.
 */
export function isAccountName(value: string): boolean {
  return ACCOUNT.test(value) && !SCHOOL_ACCOUNT.test(value);
}

/**
 * Parses the account of a family inside one school, `P` + student number, in any spelling.
 *
 * @returns the value that the database stores (`p11330003`); undefined when it is none
 */
export function parseSchoolAccount(input: string): string | undefined {
  const value = normalizeForLookup(input)?.replace(PHONE_SEPARATORS, '');
  return value !== undefined && SCHOOL_ACCOUNT.test(value) ? value : undefined;
}

/** Parses the input of the login field. @returns undefined when it is no valid login */
export function parseLogin(input: string): Login | undefined {
  const value = normalizeForLookup(input);
  if (value === undefined) return undefined;
  if (value.includes('@')) return isEmail(value) ? { kind: 'email', value } : undefined;
  const mobile = parseMobile(value);
  if (mobile !== undefined) return { kind: 'mobile', value: mobile };
  return isAccountName(value) ? { kind: 'account', value } : undefined;
}
