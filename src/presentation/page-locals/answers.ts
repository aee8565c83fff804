import type { AnswerCounts, FamilyAnswer } from '../../domain/binding/answers.ts';
import type { PartsBar } from '../charts.ts';
import type { QrCode } from '../qr-code.ts';
import type { ClassLine } from './staff-changes.ts';

/** The numbers of a class, school, district or the city, with their bar. */
export interface AnswerNumbers {
  counts: AnswerCounts;
  total: number;
  /** Per cent of the students who are bound. */
  share: number;
  bar: PartsBar;
}

/** One line of a table of classes, schools or districts. */
export interface AnswerLine extends AnswerNumbers {
  id: string;
  label: string;
  href?: string | undefined;
}

interface Link {
  href: string;
  label: string;
}

interface AnswerCountsLocals {
  title: string;
  numbers: AnswerNumbers;
  /** `unit`: what a line is. */
  tables: readonly {
    name: 'class' | 'school' | 'district';
    title: string;
    unit: string;
    lines: readonly AnswerLine[];
  }[];
  /** The districts of the city, and the chosen one; empty for all. */
  filter?: { chosen: string; options: readonly { id: string; label: string }[] } | undefined;
  /** Shown if there is no table. */
  empty: string;
  downloads: readonly Link[];
  remindUrl?: string | undefined;
  /** When the stored numbers were counted, ms since 1970. */
  countedAt?: number | undefined;
  /** New schools without numbers. */
  uncounted?: number | undefined;
  notice?: string | undefined;
}

interface ClassAnswersLocals extends ClassLine {
  numbers: AnswerNumbers;
  /** The chosen answer; empty for all. */
  filter: FamilyAnswer | '';
  /** `remindedAt`: ms since 1970. */
  students: readonly { id: string; name: string; seat: number; answer: FamilyAnswer; remindedAt: number | null }[];
  csvUrl: string;
  schoolUrl?: string | undefined;
  printedAt: number;
  notice?: string | undefined;
}

interface RemindersLocals {
  /** The class, or the school. */
  place: string;
  action: string;
  families: number;
  withoutAddress: number;
  remindedRecently: number;
  mails: number;
  days: number;
  /** The page says so, and shows no numbers. */
  isSchoolClosed: boolean;
  lettersUrl?: string | undefined;
  backUrl: string;
  alert?: string | undefined;
}

interface LettersLocals extends ClassLine {
  schoolCode: string;
  /** `account`: as families write it. */
  letters: readonly { student: string; seat: number; account: string }[];
  signInUrl: string;
  qr: QrCode;
  backUrl: string;
}

/** The pages of the console about the answers of families. */
export interface AnswerPages {
  'console/binding-counts': AnswerCountsLocals;
  'console/binding-class': ClassAnswersLocals;
  'console/binding-reminders': RemindersLocals;
  'console/binding-letters': LettersLocals;
}
