import { codePoints, hasInvisibleCharacters } from '../text.ts';
import { findContextProblems } from './password-context.ts';
import type { PasswordContext } from './password-context.ts';

export type { PasswordContext } from './password-context.ts';

/** Why a password is refused, in the order in which a page lists it. */
export const PASSWORD_PROBLEMS = [
  'too_short',
  'too_long',
  'control_characters',
  'same_as_current',
  'common',
  'repetitive',
  'contains_name',
  'contains_email',
  'contains_phone',
  'contains_account',
  'contains_student_number',
  'contains_school',
  'contains_id',
] as const;
export type PasswordProblem = (typeof PASSWORD_PROBLEMS)[number];

/** Longest password, in code points. NIST SP 800-63B-4, section 3.1.1.2, asks for at least 64; nothing is ever cut off. */
export const MAX_PASSWORD_LENGTH = 256;
/** More UTF-16 units than any accepted password has. What is longer is not even looked at. */
const MAX_CODE_UNITS = 2048;

export interface PasswordCheck {
  /** As typed. */
  password: string;
  /** In code points. */
  minLength: number;
  context: PasswordContext;
  /** Whether the blocklist holds the whole password; asked in NFKC and lower case. */
  isCommon: (normalized: string) => boolean;
}

/** The form that is hashed and compared: NFKC, nothing else changed (NIST SP 800-63B-4, section 3.1.1.2). */
export function normalizePassword(password: string): string {
  return password.normalize('NFKC');
}

/** Whether the text is one short piece again and again: shorter than the policy asks, and at least twice. */
function isRepeatedPattern(points: readonly string[], minLength: number): boolean {
  const longest = Math.min(Math.floor(points.length / 2), minLength - 1);
  for (let period = 1; period <= longest; period += 1) {
    if (points.every((point, at) => at < period || point === points[at - period])) return true;
  }
  return false;
}

/** 1 or -1 between neighbours of the alphabet or of the digits (9 and 0 are neighbours), 0 between equals, else undefined. */
function codePointStep(from: string, to: string): number | undefined {
  if (from === to) return 0;
  const pair = from + to;
  if (pair === '90' || pair === 'za') return 1;
  if (pair === '09' || pair === 'az') return -1;
  if (!/^(?:\d\d|[a-z][a-z])$/.test(pair)) return undefined;
  const difference = to.charCodeAt(0) - from.charCodeAt(0);
  return Math.abs(difference) === 1 ? difference : undefined;
}

/** Whether the text consists of straight runs (`abcd`, `4321`, `aaa`) of three and more characters on average. */
function isSequence(points: readonly string[]): boolean {
  let runs = 1;
  let direction: number | undefined;
  for (let at = 1; at < points.length; at += 1) {
    const next = codePointStep(points[at - 1] ?? '', points[at] ?? '');
    const goesOn = next !== undefined && (direction === undefined || direction === next);
    if (!goesOn) runs += 1;
    direction = goesOn ? next : undefined;
  }
  return runs * 3 <= points.length;
}

/**
 * The rules for a new password (NIST SP 800-63B-4, section 3.1.1.2): length and what it must not be, no rule about kinds of
 * characters. Empty when it is good. `minLength` counts before and after NFKC, so that no single sign counts as many.
 */
export function checkNewPassword({ password, minLength, context, isCommon }: PasswordCheck): PasswordProblem[] {
  if (password.length > MAX_CODE_UNITS) return ['too_long'];
  const normalized = normalizePassword(password);
  const folded = codePoints(normalized.toLowerCase());
  const length = codePoints(normalized).length;
  if (length > MAX_PASSWORD_LENGTH) return ['too_long'];
  const found = new Set<PasswordProblem>(findContextProblems(normalized, context));
  if (Math.min(length, codePoints(password).length) < minLength) found.add('too_short');
  // Private use and unassigned code points differ between devices and Unicode versions (RFC 8264, section 4.3). An invisible character may
  // be copied along once and can never be typed.
  if ([password, normalized].some(hasInvisibleCharacters)) found.add('control_characters');
  if (context.currentPassword !== undefined && normalized === normalizePassword(context.currentPassword)) {
    found.add('same_as_current');
  }
  if (isCommon(normalized.toLowerCase())) found.add('common');
  if (length > 1 && (isRepeatedPattern(folded, minLength) || isSequence(folded))) found.add('repetitive');
  return PASSWORD_PROBLEMS.filter((problem) => found.has(problem));
}
