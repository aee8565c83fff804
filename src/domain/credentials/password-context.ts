import { codePoints, foldForComparison, stripSeparators } from '../text.ts';

/** Facts about a person that a password must not contain, because others may know them. Read at the change, never stored. */
export interface PasswordContext {
  names: readonly string[];
  emails: readonly string[];
  /** `+8869…` or `09…`. */
  phones: readonly string[];
  accounts: readonly string[];
  studentNumbers: readonly string[];
  /** Names and codes. */
  schools: readonly string[];
  nationalId?: string | undefined;
  /** The password that is replaced; at a first sign-in the last six characters of the ID. */
  currentPassword?: string | undefined;
}

export type ContextProblem =
  | 'contains_name'
  | 'contains_email'
  | 'contains_phone'
  | 'contains_account'
  | 'contains_student_number'
  | 'contains_school'
  | 'contains_id';

/** In code points. Shorter parts occur in too many good passphrases. */
const MIN_PART_LENGTH = 4;
/** In code points. A Chinese given name has two characters. */
const MIN_CJK_PART_LENGTH = 2;
const MIN_ID_PART_LENGTH = 5;
const PHONE_SUFFIX_LENGTH = 6;

const CJK_WORD = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]+/gu;
const OTHER_WORD =
  /(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}])[\p{L}\p{N}\p{M}])+/gu;
/** A first password: the last six characters of an ID, or the complete ID for a school account. */
const FIRST_PASSWORD = /^(?:\d{6}|[A-Z][0-9A-D]\d{8})$/i;

const atLeast = (length: number) => (part: string) => codePoints(part).length >= length;

/** Returns a name without no, one and two leading characters (`王大明` → `王大明`, `大明`, `明`), because a surname has one or two. */
function givenNameCandidates(run: string): string[] {
  const points = codePoints(run);
  return points.slice(0, 3).map((_, at) => points.slice(at).join(''));
}

function nameParts(name: string): string[] {
  const folded = foldForComparison(name);
  const cjk = (folded.match(CJK_WORD) ?? []).flatMap(givenNameCandidates).filter(atLeast(MIN_CJK_PART_LENGTH));
  const others = [...(folded.match(OTHER_WORD) ?? []), stripSeparators(folded.replace(CJK_WORD, ' '))];
  return [...cjk, ...others.filter(atLeast(MIN_PART_LENGTH))];
}

/** Finds the longest part of a name that a password contains, for the message to the person who typed it. */
export function findUsedName(password: string, names: readonly string[]): string | undefined {
  const folded = foldForComparison(password);
  const compact = stripSeparators(folded);
  const used = names.flatMap(nameParts).filter((part) => folded.includes(part) || compact.includes(part));
  return used.sort((one, other) => other.length - one.length)[0];
}

/** Returns the complete text and the text without separators. */
function exactParts(text: string): string[] {
  const folded = foldForComparison(text).trim();
  return [folded, stripSeparators(folded)].filter(atLeast(MIN_PART_LENGTH));
}

function emailParts(email: string): string[] {
  return [email, email.slice(0, Math.max(0, email.lastIndexOf('@')))].flatMap(exactParts);
}

/** Returns the last six digits, which both forms of a number share (`09…` and `+8869…`). */
function phoneParts(phone: string): string[] {
  const digits = foldForComparison(phone).replace(/\D/g, '');
  return digits.length >= PHONE_SUFFIX_LENGTH ? [digits.slice(-PHONE_SUFFIX_LENGTH)] : [];
}

/** Returns every substring of five characters. Each longer substring contains one of them. */
function idParts(id: string): string[] {
  const points = codePoints(stripSeparators(foldForComparison(id)));
  return points.slice(MIN_ID_PART_LENGTH - 1).map((_, at) => points.slice(at, at + MIN_ID_PART_LENGTH).join(''));
}

/** Returns the known forms of the ID: the ID itself, and the first password that was derived from it. */
function idTexts({ nationalId, currentPassword }: PasswordContext): string[] {
  const first = currentPassword?.normalize('NFKC').trim();
  return [...(nationalId === undefined ? [] : [nationalId]), ...(first && FIRST_PASSWORD.test(first) ? [first] : [])];
}

/**
 * Finds the facts about the person that the password contains. The comparison ignores case, width, accents and separators
 * (NIST SP 800-63B-4, section 3.1.1.2: context-specific words).
 */
export function findContextProblems(password: string, context: PasswordContext): ContextProblem[] {
  const folded = foldForComparison(password);
  const compact = stripSeparators(folded);
  const isIn = (part: string): boolean => folded.includes(part) || compact.includes(part);
  const parts: [ContextProblem, string[]][] = [
    ['contains_name', context.names.flatMap(nameParts)],
    ['contains_email', context.emails.flatMap(emailParts)],
    ['contains_phone', context.phones.flatMap(phoneParts)],
    ['contains_account', context.accounts.flatMap(exactParts)],
    ['contains_student_number', context.studentNumbers.flatMap(exactParts)],
    ['contains_school', context.schools.flatMap(exactParts)],
    ['contains_id', idTexts(context).flatMap(idParts)],
  ];
  return parts.filter(([, words]) => words.some(isIn)).map(([problem]) => problem);
}
