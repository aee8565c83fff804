import { APPLICANT_KINDS, STATED_RELATIONS } from '../../src/domain/binding/applicants.ts';
import { NOTICE_ANSWERS } from '../../src/domain/binding/notice.ts';
import type { BindingPages } from '../../src/presentation/page-locals/binding.ts';

/** Locals of the pages of an application with all optional parts; `x` is the text that other people can choose. */
export function bindingSamples(x: string): BindingPages {
  const shell = (...fields: string[]) => ({
    ...{ app: { name: x }, state: 'returned' as const, version: 1, action: '/a', student: x, backUrl: '/b' },
    ...{ progress: { position: 2, count: 6 }, reason: x, notice: x, alert: x },
    errors: Object.fromEntries(fields.map((name) => [name, x])),
  });
  const files = [{ id: x, name: x, size: 100_000 }];
  const person = { position: 1, name: x, nationalId: x, email: x };
  return {
    'binding/status': {
      ...{ app: { name: x }, state: 'returned', student: x, submittedAt: 0, reason: x, applicants: [person] },
      ...{ nextUrl: '/n', withdrawUrl: '/w', appUrl: 'https://app.example/x', isApprovedByRegister: false },
    },
    'binding/student': {
      ...shell('confirm_student', 'report'),
      ...{ school: x, number: x, grade: 2, classno: x, classtitle: x, seat: 3 },
      values: { isConfirmed: true, report: x },
    },
    'binding/notice': {
      ...shell('notice'),
      ...{ noticeVersion: 1, text: x, answers: NOTICE_ANSWERS, answer: 'agree' },
    },
    'binding/applicants': {
      ...shell('applicants', 'valid_to'),
      ...{ kinds: APPLICANT_KINDS, values: { kind: 'caregiver', validTo: '2027-01-20' } },
    },
    'binding/applicant': {
      ...shell('name_1', 'relation_1', 'national_id_1', 'mobile_1', 'email_1', 'email_code_1'),
      ...{ position: 1, hasSecond: true, relations: STATED_RELATIONS, isEmailVerified: false, codeSentTo: x },
      values: { name: x, relation: 'mother', national_id: x, mobile: x, email: x },
    },
    'binding/evidence': {
      ...shell('evidence'),
      ...{ kind: 'guardian', files, limits: { count: 5, megabytes: 5 }, removeAction: '/r', isRequired: true },
    },
    'binding/summary': {
      ...shell(),
      ...{ school: x, number: x, classno: x, seat: 3, report: x, kind: 'caregiver', validTo: '2027-01-20' },
      ...{ noticeVersion: 1, applicants: [{ ...person, relation: 'grandmother', mobile: x }], files },
      links: { student: '/s', notice: '/n', applicants: '/a', 'applicant-1': '/1', evidence: '/e' },
      withdrawUrl: '/w',
    },
    'binding/withdraw': { state: 'submitted', version: 1, student: x, action: '/a', cancelUrl: '/c', alert: x },
    'binding/other-account': { name: x, signInUrl: '/s' },
    'binding/ended': {},
  };
}
