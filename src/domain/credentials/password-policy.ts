import {
  codePoints,
  DEFAULT_LANGUAGE,
  foldForComparison,
  hasInvisibleCharacters,
  SECOND_LANGUAGE,
  stripSeparators,
} from '../text.ts';
import { findContextProblems } from './password-context.ts';
import type { PasswordContext } from './password-context.ts';

export type { PasswordContext } from './password-context.ts';

/** The reasons to reject a password, in the order of the page. */
export const PASSWORD_PROBLEMS = [
  'too_short',
  'too_long',
  'control_characters',
  'same_as_current',
  'example',
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

/** The example of the page, in each language. Attackers read it too. */
export const PASSWORD_EXAMPLES: Readonly<Record<string, string>> = {
  [DEFAULT_LANGUAGE]: '週末帶弟弟去河邊騎腳踏車',
  [SECOND_LANGUAGE]: 'we ride our bikes by the river',
};

/** Longest password, in code points. NIST SP 800-63B-4, section 3.1.1.2, requires at least 64. Passwords are never truncated. */
export const MAX_PASSWORD_LENGTH = 256;
/** UTF-16 code units. Longer input is rejected before it is normalized, which takes time. */
const MAX_CODE_UNITS = 2048;

export interface PasswordCheck {
  /** As typed. */
  password: string;
  /** In code points. */
  minLength: number;
  context: PasswordContext;
}

/** The problems of numbers that the pages show masked or not at all. */
const HIDDEN_NUMBERS: ReadonlySet<PasswordProblem> = new Set([
  'contains_phone',
  'contains_student_number',
  'contains_id',
]);
/** Digits of a mobile number, the longest of the hidden numbers. */
const MAX_CHECKED_DIGITS = 10;

/**
 * Returns the problems that a check without a change may name. Text with more digits than one number guesses many numbers at once, so its
 * check names none of them. Sending the form costs the guesser a changed password.
 */
export function checkedProblems(password: string, problems: readonly PasswordProblem[]): PasswordProblem[] {
  const digits = normalizePassword(password).match(/\p{N}/gu) ?? [];
  return problems.filter((problem) => digits.length <= MAX_CHECKED_DIGITS || !HIDDEN_NUMBERS.has(problem));
}

/** Normalizes a password for hashing and comparison: only NFKC (NIST SP 800-63B-4, section 3.1.1.2). */
export function normalizePassword(password: string): string {
  return password.normalize('NFKC');
}

/** Returns true if the text repeats one pattern, shorter than `minLength`, at least twice. */
function isRepeatedPattern(points: readonly string[], minLength: number): boolean {
  const longest = Math.min(Math.floor(points.length / 2), minLength - 1);
  for (let period = 1; period <= longest; period += 1) {
    if (points.every((point, at) => at < period || point === points[at - period])) return true;
  }
  return false;
}

/** Returns 1 or -1 for neighbors in the alphabet or the digits (9 and 0 are neighbors), 0 for equals, else undefined. */
function codePointStep(from: string, to: string): number | undefined {
  if (from === to) return 0;
  const pair = from + to;
  if (pair === '90' || pair === 'za') return 1;
  if (pair === '09' || pair === 'az') return -1;
  if (!/^(?:\d\d|[a-z][a-z])$/.test(pair)) return undefined;
  const difference = to.charCodeAt(0) - from.charCodeAt(0);
  return Math.abs(difference) === 1 ? difference : undefined;
}

/** Returns true if the text consists of runs (`abcd`, `4321`, `aaa`) of at least three characters on average. */
function isSequence(points: readonly string[]): boolean {
  let runs = 1;
  let direction: number | undefined;
  for (let at = 1; at < points.length; at += 1) {
    const next = codePointStep(points[at - 1] ?? '', points[at] ?? '');
    const isContinued = next !== undefined && (direction === undefined || direction === next);
    if (!isContinued) runs += 1;
    direction = isContinued ? next : undefined;
  }
  return runs * 3 <= points.length;
}

/**
 * Returns the problems of a new password (NIST SP 800-63B-4, section 3.1.1.2): length, repetition and context-specific words, no rule about
 * kinds of characters. The caller checks the list of common passwords last, because that costs the most. `minLength` applies before and
 * after NFKC, because NFKC can expand one character to many.
 */
export function checkNewPassword({ password, minLength, context }: PasswordCheck): PasswordProblem[] {
  if (password.length > MAX_CODE_UNITS) return ['too_long'];
  const normalized = normalizePassword(password);
  // Each character alone: in a whole text the lower case of Σ depends on its neighbors.
  const folded = codePoints(normalized).flatMap((point) => codePoints(point.toLowerCase()));
  const length = codePoints(normalized).length;
  if (length > MAX_PASSWORD_LENGTH) return ['too_long'];
  const found = new Set<PasswordProblem>(findContextProblems(normalized, context));
  if (Math.min(length, codePoints(password).length) < minLength) found.add('too_short');
  // Private use and unassigned code points differ between devices and Unicode versions (RFC 8264, section 4.3). An invisible character
  // may be pasted once but cannot be typed.
  if ([password, normalized].some(hasInvisibleCharacters)) found.add('control_characters');
  const compact = stripSeparators(foldForComparison(password));
  if (Object.values(PASSWORD_EXAMPLES).some((example) => compact.includes(stripSeparators(example))))
    found.add('example');
  if (context.currentPassword !== undefined && normalized === normalizePassword(context.currentPassword)) {
    found.add('same_as_current');
  }
  if (length > 1 && (isRepeatedPattern(folded, minLength) || isSequence(folded))) found.add('repetitive');
  return PASSWORD_PROBLEMS.filter((problem) => found.has(problem));
}
