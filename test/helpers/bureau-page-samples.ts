import type { PageLocals } from '../../src/presentation/page-locals/index.ts';

/** Locals of the pages of the bureau with all optional parts; `x` is the text that other people can choose. */
export function sampleBureauLocals(
  x: string,
): Pick<
  PageLocals,
  | 'console/form'
  | 'console/confirm'
  | 'console/memberships'
  | 'console/notice'
  | 'console/notices'
  | 'console/register-check'
  | 'console/school-contacts'
  | 'console/schools'
> {
  return {
    'console/form': {
      section: 'schools',
      title: x,
      intro: x,
      points: [x],
      action: '/a',
      hidden: { version: x },
      fields: [
        { kind: 'text', name: 'name', label: x, hint: x, value: x, maxLength: 100 },
        { kind: 'textarea', name: 'zh', label: x, value: x, maxLength: 500 },
        { kind: 'date', name: 'until', label: x, value: '2027-01-31', isOptional: true },
        { kind: 'datetime-local', name: 'from', label: x, value: '2027-01-31T08:00' },
        { kind: 'number', name: 'days', label: x, value: '30', min: 1, max: 365 },
        { kind: 'select', name: 'type', label: x, value: x, options: [{ value: x, label: x }] },
        { kind: 'checkbox', name: 'flag', label: x, hint: x, isChecked: true },
      ],
      errors: { name: x, zh: x, type: x },
      alert: x,
      notice: x,
      other: { title: x, text: x, action: '/o', fields: { close: x }, isDanger: true },
      cancelUrl: '/c',
    },
    'console/confirm': {
      section: 'schools',
      title: x,
      effects: [x],
      changes: [{ label: x, before: x, after: '' }],
      texts: [{ label: x, text: x }],
      action: '/a',
      fields: { name: x },
      cancelUrl: '/c',
      isEditable: true,
      isDanger: true,
      values: { reason: x },
      errors: { reason: x },
      alert: x,
    },
    'console/memberships': {
      id: x,
      name: x,
      version: 1,
      memberships: [true, false].map((isEnded) => ({
        ...{ id: x, duty: 'it_desk', school: x, from: '2026-08-01', until: '2027-01-31', isEnded },
      })),
      notice: x,
    },
    'console/notice': { version: 2, chinese: x, english: x, publishedAt: 1, publishedBy: x },
    'console/notices': {
      notices: [
        { version: 2, publishedAt: 1, publishedBy: x, isCurrent: true },
        { version: 1, publishedAt: undefined, publishedBy: undefined, isCurrent: false },
      ],
      notice: x,
    },
    'console/school-contacts': {
      schools: [
        { code: '993301', name: x, lines: [x, x] },
        { code: '993302', name: x, lines: [] },
      ],
      notice: x,
    },
    'console/register-check': {
      schools: [true, false].map((isOn) => ({ code: '993301', name: x, isOn })),
      importedAt: 1,
      notice: x,
    },
    'console/schools': {
      schools: [{ code: '993301', name: x, type: 'senior_high', district: x, isClosed: true }],
      notice: x,
    },
  };
}
