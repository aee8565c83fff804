/** A login as it is looked up in the database: normalized, of one kind. */
export interface Login {
  kind: 'email' | 'mobile' | 'account';
  value: string;
}

/** Longest path of a mailbox in SMTP without its angle brackets (RFC 5321, section 4.5.3.1.3). */
const MAX_LOGIN_LENGTH = 254;
const MAX_LOCAL_PART_LENGTH = 64;

const CONTROL = /\p{Cc}/u;
/** What people write between the digits of a telephone number, and the invisible marks that phones copy along with it. */
const PHONE_SEPARATORS = /[\s().\p{Pd}\p{Cf}]/gu;
const MOBILE = /^(?:(?:\+|00)?8860?|0)(9\d{8})$/;
const ATOM = "[a-z0-9!#$%&'*+/=?^_`{|}~-]+";
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const EMAIL = new RegExp(`^${ATOM}(?:\\.${ATOM})*@(?:${LABEL}\\.)+${LABEL}$`);
const ACCOUNT = /^[a-z][a-z0-9._-]{3,63}$/;
const SCHOOL_ACCOUNT = /^p\d{1,16}$/;

/** NFKC (full-width letters and digits become plain ones) without spaces at the ends. The first step of every comparison. */
export function normalizeText(input: string): string {
  return input.normalize('NFKC').trim();
}

/** Plain text of bearable length, lower case; undefined for control characters, for nothing and for far too much. */
function normalizeForLookup(input: string): string | undefined {
  if (input.length > MAX_LOGIN_LENGTH) return undefined;
  const plain = normalizeText(input);
  if (plain === '' || plain.length > MAX_LOGIN_LENGTH || CONTROL.test(plain)) return undefined;
  return plain.toLowerCase();
}

/** A Taiwanese mobile number in any usual writing (`0912-345-678`, `+886 912 345 678`, full width) as `+886912345678`. */
export function parseMobile(input: string): string | undefined {
  const digits = normalizeForLookup(input)?.replace(PHONE_SEPARATORS, '');
  const rest = digits === undefined ? undefined : MOBILE.exec(digits)?.[1];
  return rest === undefined ? undefined : `+886${rest}`;
}

/** A stored mobile number as people in Taiwan write it: `+886912345678` → `0912345678`. */
export function formatLocalMobile(value: string): string {
  return value.replace(/^\+886/, '0');
}

/**
 * Whether a normalized value is an e-mail address: dot-atom, at, a domain of two labels or more (RFC 5321, section 4.1.2,
 * ASCII only, without quoted local parts). Both sides are kept in lower case: no provider tells them apart.
 */
export function isEmail(value: string): boolean {
  return value.length <= MAX_LOGIN_LENGTH && value.indexOf('@') <= MAX_LOCAL_PART_LENGTH && EMAIL.test(value);
}

/**
 * Whether a normalized value may be a custom account name: 4–64 of `a-z 0-9 . _ -`, a letter first. So it can never be taken
 * for a mobile number or an e-mail address; `p` and digits are left to the school accounts.
 */
export function isAccountName(value: string): boolean {
  return ACCOUNT.test(value) && !SCHOOL_ACCOUNT.test(value);
}

/** What somebody typed into the one login box; undefined when it can be no login at all. */
export function parseLogin(input: string): Login | undefined {
  const value = normalizeForLookup(input);
  if (value === undefined) return undefined;
  if (value.includes('@')) return isEmail(value) ? { kind: 'email', value } : undefined;
  const mobile = parseMobile(value);
  if (mobile !== undefined) return { kind: 'mobile', value: mobile };
  return isAccountName(value) ? { kind: 'account', value } : undefined;
}
