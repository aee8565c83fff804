import { SUBJECT_REQUEST_ANSWERS, SUBJECT_REQUEST_KINDS } from '../../src/domain/binding/subject-requests.ts';
import type { DataPages } from '../../src/presentation/page-locals/data.ts';

/** Locals of the pages about personal data with all optional parts; `x` is the text that other people can choose. */
export function dataSamples(x: string): DataPages {
  const request = { id: x, kind: 'deletion' as const, state: 'open' as const, createdAt: 0, dueAt: 0 };
  const line = {
    ...{ ...request, person: { id: x, name: x }, deadline: 'over' as const },
    ...{ extendedAt: 0, decidedAt: 0, decidedBy: x },
  };
  return {
    'account/data': {
      sections: [{ id: 'events', title: x, items: [[{ label: x, value: x }]] }],
      ...{ hasMoreEvents: true, requests: [request], kinds: SUBJECT_REQUEST_KINDS },
      ...{ isSharingStopped: true, isSchoolAccount: false, notice: x },
      retention: { applicationDays: 365, evidenceDays: 30 },
    },
    'account/data-request': {
      ...{ kind: 'correction', isConfirmation: false, values: { what: x, why: x } },
      ...{ errors: { what: x, why: x }, alert: x, notice: x },
    },
    'account/data-receipt': { ...request, what: x, why: x, reason: x, extendedAt: 0, decidedAt: 0, notice: x },
    'console/subject-requests': { isOpen: true, requests: [line], nextUrl: '/n' },
    'console/subject-request': {
      ...{ ...line, what: x, why: x, answered: x, answers: SUBJECT_REQUEST_ANSWERS, obstacle: 'enrolled' },
      ...{ values: { reason: x }, errors: { reason: x }, alert: x, notice: x },
    },
  };
}
