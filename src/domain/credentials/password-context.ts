import { codePoints, foldForComparison, stripSeparators } from '../text.ts';

/** What others may know of a person, so that it must not be in the password. Read in the moment of the change, never kept. */
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
  /** The password that ends now; the last six of the ID at a first sign-in. */
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

/** Shorter parts are in too many good sentences. In code points. */
const MIN_PART_LENGTH = 4;
/** A Chinese given name has two characters. */
const MIN_CJK_PART_LENGTH = 2;
const MIN_ID_PART_LENGTH = 5;
const PHONE_SUFFIX_LENGTH = 6;

const CJK_WORD = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]+/gu;
const OTHER_WORD =
  /(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}])[\p{L}\p{N}\p{M}])+/gu;
/** A first password: the last six of an ID, or the whole of it for a school account. */
const FIRST_PASSWORD = /^(?:\d{6}|[A-Z][0-9A-D]\d{8})$/i;

const atLeast = (length: number) => (part: string) => codePoints(part).length >= length;

/** `王大明` → `王大明`, `大明`: the surname is a prefix of one or two characters, what follows is the given name. */
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

/** The whole text and the text without its separators. */
function exactParts(text: string): string[] {
  const folded = foldForComparison(text).trim();
  return [folded, stripSeparators(folded)].filter(atLeast(MIN_PART_LENGTH));
}

function emailParts(email: string): string[] {
  return [email, email.slice(0, Math.max(0, email.lastIndexOf('@')))].flatMap(exactParts);
}

/** The last six digits are in every writing of a number, with 09 or +886 in front. */
function phoneParts(phone: string): string[] {
  const digits = foldForComparison(phone).replace(/\D/g, '');
  return digits.length >= PHONE_SUFFIX_LENGTH ? [digits.slice(-PHONE_SUFFIX_LENGTH)] : [];
}

/** Every stretch of five characters; longer ones contain one of them. */
function idParts(id: string): string[] {
  const points = codePoints(stripSeparators(foldForComparison(id)));
  return points.slice(MIN_ID_PART_LENGTH - 1).map((_, at) => points.slice(at, at + MIN_ID_PART_LENGTH).join(''));
}

/** What is known of the ID in this moment: itself, or the first password that was made from it. */
function idTexts({ nationalId, currentPassword }: PasswordContext): string[] {
  const first = currentPassword?.normalize('NFKC').trim();
  return [...(nationalId === undefined ? [] : [nationalId]), ...(first && FIRST_PASSWORD.test(first) ? [first] : [])];
}

/**
 * Which facts about the person are in the password. Compared without regard to case, width, accents and separators
 * (NIST SP 800-63B-4, section 3.1.1.2: context-specific words).
 */
export function findContextProblems(password: string, context: PasswordContext): ContextProblem[] {
  const folded = foldForComparison(password);
  const squeezed = stripSeparators(folded);
  const isIn = (part: string): boolean => folded.includes(part) || squeezed.includes(part);
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
