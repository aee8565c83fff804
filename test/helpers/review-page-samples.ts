import { REVIEW_DECISIONS } from '../../src/domain/binding/application.ts';
import { APPROVAL_NOTES } from '../../src/domain/binding/approval-notes.ts';
import { BINDING_CONFLICTS, isBlocking } from '../../src/domain/binding/conflicts.ts';
import type { ReviewPages } from '../../src/presentation/page-locals/review.ts';
import { REVIEWED_STATES } from '../../src/services/binding/application-pages.ts';

/** Locals of the pages of the review. */
export function reviewSamples(x: string): ReviewPages {
  const line = { label: x, value: x, check: x, isDifferent: true };
  const schoolClass = { id: x, title: x, school: x };
  return {
    'console/applications': {
      filter: { state: 'submitted', school: x, class: x, age: '7' },
      ...{ states: REVIEWED_STATES, ages: [3, 7], needsSchool: false, nextUrl: '/n' },
      schools: [x, `${x}2`].map((value) => ({ value, label: x })),
      classes: [schoolClass, { ...schoolClass, id: `${x}2` }],
      applications: REVIEWED_STATES.map((state, at) => ({
        ...{ id: `${x}${String(at)}`, student: x, places: [x, x], kind: 'two', state, submittedAt: 0, ageDays: 3 },
      })),
    },
    'console/application': {
      ...{ id: x, version: 1, state: 'submitted', kind: 'caregiver', validTo: '2027-01-20' },
      ...{ submittedAt: 0, decidedAt: 1, decidedBy: x, report: x, reason: x },
      earlierDecisions: [{ at: 0, decidedBy: x, state: 'returned', reason: x }],
      student: { id: x, name: x, lines: [line, { ...line, isDifferent: false }] },
      guardians: [{ id: x, name: x, relation: x, state: 'suspended' }],
      applicants: [1, 2].map((position) => ({ position, name: x, lines: [line], conflicts: BINDING_CONFLICTS })),
      ...{ conflicts: ['adult_student'], blocking: BINDING_CONFLICTS.filter(isBlocking) },
      files: [{ id: x, name: x, type: 'image/png', bytes: 12_000 }],
      decisions: REVIEW_DECISIONS,
      results: [{ personId: x, name: x, notes: APPROVAL_NOTES }],
      ...{ values: { reason: x }, errors: { reason: x }, alert: x, notice: x },
    },
  };
}
