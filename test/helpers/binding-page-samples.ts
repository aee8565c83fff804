import { APPLICATION_STATES, OPEN_STATES } from '../../src/domain/binding/application.ts';
import { APPLICANT_KINDS, STATED_RELATIONS } from '../../src/domain/binding/applicants.ts';
import { isRefusal, NOTICE_ANSWERS } from '../../src/domain/binding/notice.ts';
import type { BindingPages } from '../../src/presentation/page-locals/binding.ts';

/** Locals of the pages of an application with all optional parts; `x` is the text that other people can choose. */
export function bindingSamples(x: string): BindingPages {
  const shell = (...fields: string[]) => ({
    ...{ app: { name: x }, state: 'returned' as const, version: 1, action: '/a', student: x, hasBack: true },
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
      ...{ school: x, number: x, class: x, seat: 3 },
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
      values: { name: x, relation: 'mother', national_id: x, mobile: x, email: x, email_code: x },
    },
    'binding/evidence': {
      ...shell('evidence'),
      ...{ kind: 'guardian', files, limits: { count: 5, megabytes: 5 }, removeAction: '/r', isRequired: true },
    },
    'binding/summary': {
      ...shell(),
      ...{ school: x, number: x, class: x, seat: 3, report: x, kind: 'caregiver', validTo: '2027-01-20' },
      ...{ noticeVersion: 1, applicants: [{ ...person, relation: 'grandmother', mobile: x }], files },
      links: { student: '/s', notice: '/n', applicants: '/a', 'applicant-1': '/1', evidence: '/e' },
      withdrawUrl: '/w',
    },
    'binding/withdraw': { state: 'submitted', version: 1, student: x, action: '/a', cancelUrl: '/c', alert: x },
    'binding/other-account': { account: { name: x, login: x }, signInUrl: '/s', schoolContacts: [] },
    'binding/ended': {},
  };
}

/** Locals of the status page in each state of an application, and after each refusal. */
export function statusSamples(x: string): BindingPages['binding/status'][] {
  const { nextUrl, withdrawUrl, reason, ...status } = bindingSamples(x)['binding/status'];
  const states = APPLICATION_STATES.map((state) => ({
    ...{ ...status, state, isApprovedByRegister: state === 'approved' },
    ...(OPEN_STATES.includes(state) ? { withdrawUrl } : { restartAction: '/r' }),
    ...(state === 'returned' ? { nextUrl, reason } : {}),
    ...(state === 'rejected' ? { reason } : {}),
  }));
  const refusals = NOTICE_ANSWERS.filter(isRefusal).map((answer) => ({
    ...{ ...status, state: 'draft' as const, withdrawUrl, refusal: { answer, version: 1, at: 0 } },
  }));
  return [...states, ...refusals];
}
