import { FAMILY_ANSWERS } from '../../src/domain/binding/answers.ts';
import { numbersOf } from '../../src/http/console/binding-numbers.ts';
import type { AnswerPages } from '../../src/presentation/page-locals/answers.ts';
import { createQrCode } from '../../src/presentation/qr-code.ts';

/** Locals of the pages about the answers of families. */
export function answerSamples(x: string): AnswerPages {
  const numbers = numbersOf({ bound: 12, waiting: 3, returned: 1, refused: 2, none: 9 });
  const schoolClass = { id: x, title: x, school: x };
  return {
    'console/binding-counts': {
      ...{ title: x, numbers, empty: x, remindUrl: '/r', countedAt: 0, uncounted: 2, notice: x },
      tables: (['district', 'school', 'class'] as const).map((name) => ({
        ...{ name, title: x, unit: x, lines: [x, ''].map((id) => ({ id, label: x, href: `/${name}`, ...numbers })) },
      })),
      filter: { chosen: x, options: [{ id: x, label: x }] },
      downloads: [
        { href: '/a', label: x },
        { href: '/b', label: `${x}2` },
      ],
    },
    'console/binding-class': {
      ...{ ...schoolClass, numbers, filter: 'none', csvUrl: '/c', schoolUrl: '/s', printedAt: 0, notice: x },
      students: FAMILY_ANSWERS.map((answer, seat) => ({
        ...{ id: `${x}${String(seat)}`, name: x, seat, answer, remindedAt: seat === 0 ? null : 0 },
      })),
    },
    'console/binding-reminders': {
      ...{ place: x, action: '/a', families: 9, withoutAddress: 4, remindedRecently: 2, mails: 3, days: 7 },
      isSchoolClosed: false,
      ...{ lettersUrl: '/l', backUrl: '/b', alert: x },
    },
    'console/binding-letters': {
      ...{ ...schoolClass, schoolCode: x, letters: [{ student: x, seat: 1, account: x }], signInUrl: x },
      ...{ qr: createQrCode('https://id.example/binding'), backUrl: '/b' },
    },
  };
}
