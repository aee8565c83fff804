import { FAMILY_ANSWERS } from '../domain/binding/answers.ts';
import { APPLICATION_STATES, REVIEW_DECISIONS } from '../domain/binding/application.ts';
import { APPLICANT_KINDS, STATED_RELATIONS } from '../domain/binding/applicants.ts';
import { NOTICE_ANSWERS } from '../domain/binding/notice.ts';
import { APPROVAL_NOTES } from '../domain/binding/approval-notes.ts';
import {
  DEADLINE_STATES,
  ERASURE_OBSTACLES,
  SUBJECT_REQUEST_ANSWERS,
  SUBJECT_REQUEST_KINDS,
  SUBJECT_REQUEST_STATES,
} from '../domain/binding/subject-requests.ts';
import { BINDING_CONFLICTS, FAMILY_CONFLICTS } from '../domain/binding/conflicts.ts';

/** The texts of the dashboards, which one file composes. */
export const DASHBOARD_TEXTS = [
  ...['city', 'classes', 'hours', 'days', 'causes', 'accounts', 'clients'],
  ...['locked', 'mail', 'hour', 'day', 'succeeded', 'failed', 'causeColumn'],
  ...['count', 'client', 'people', 'withPassword', 'share', 'state', 'pending'],
  ...['dead', 'signInSummary', 'peak', 'hourLabel', 'causeSummary', 'noFailures', 'accountSummary'],
  ...['noAccounts', 'clientSummary', 'noClients', 'lockedSummary', 'lockedMany', 'mailSummary', 'messages'],
] as const;

/** The events of the audit log that have a text, with `-` for the dot. */
export const AUDIT_EVENTS = [
  'client-registered',
  'client-changed',
  'client-secret_rotated',
  'client-secret_ended',
  'client-directory_secret_rotated',
  'client-directory_secret_ended',
  'client-disabled',
  'client-enabled',
  'outbox-retried',
  'outbox-dropped',
  ...['sign_in-succeeded', 'sign_in-failed', 'sign_in-throttled', 'sign_in-password_change_required'],
  ...['sign_in-second_factor_required', 'second_factor-verified', 'second_factor-failed', 'second_factor-throttled'],
  ...['second_factor-added', 'second_factor-removed', 'recovery_codes-replaced', 'authorization-granted'],
  ...['consent-granted', 'consent-denied', 'session-logged_out', 'session-revoked', 'session-others_revoked'],
  ...['sessions-all_revoked', 'grant-revoked', 'password-set', 'password-changed', 'password-reset'],
  ...['password_reset-requested', 'password_reset-throttled', 'first_password-closed', 'person-disabled'],
  ...['person-enabled', 'person-unlocked', 'affiliation-ended', 'keys-rotated', 'audit-archived', 'audit-exported'],
  ...['audit-verified', 'staff-view', 'staff-send_reset_link', 'staff-issue_one_time_code', 'staff-unlock'],
  ...['staff-restore_first_password', 'staff-disable', 'staff-enable', 'staff-revoke_sessions'],
  ...['staff-change_membership', 'administrator-invited', 'settings-changed', 'school-added', 'school-changed'],
  ...['school-closed', 'school-reopened'],
  ...['staff-remove_second_factor', 'staff-change_contact', 'staff-correct_identity', 'staff-reveal_national_id'],
  ...[
    'staff-change_guardianship',
    'staff-review_application',
    'staff-merge',
    'staff-view_class',
    'staff_request-created',
    'application-viewed',
    'application-file_opened',
    'person-created',
    'guardianship-created',
  ],
  ...['staff_request-declined', 'staff_request-withdrawn', 'staff_request-void', 'guardianship-suspended'],
  ...['guardianship-resumed', 'guardianship-revoked', 'guardianship-expired', 'person-merged'],
  ...['guardianship-consented', 'guardianship-consent_declined', 'guardianship-consent_withdrawn'],
  ...['guardianship-end_requested', 'guardianship-end_withdrawn', 'staff-decline_guardianship_end'],
  ...['staff-close_report', 'staff-undo_merge', 'person-merge_undone'],
  ...[
    'person-locale_changed',
    'identifier-requested',
    'identifier-changed',
    'identifier-removed',
    'identifier-reverted',
    'second_factor-removal_canceled',
  ],
  ...['binding-started', 'binding-student_confirmed', 'binding-notice_answered', 'binding-applicants_chosen'],
  ...['binding-applicant_saved', 'binding-code_sent', 'binding-code_failed', 'binding-email_confirmed'],
  ...['binding-evidence_added', 'binding-evidence_removed', 'binding-submitted', 'binding-withdrawn'],
  'binding-transferred',
  ...[
    'register-imported',
    'register-approved',
    'register-switched',
    'school_contacts-changed',
    'binding_notice-published',
  ],
  'account_changes-seen',
  ...['application_password-created', 'application_password-revoked', 'application_password-used'],
  'directory-bind_failed',
  'directory-people_listed',
  ...['personal_data-downloaded', 'personal_data-sharing_stopped', 'personal_data-sharing_resumed', 'person-erased'],
  ...['subject_request-created', 'subject_request-withdrawn', 'subject_request-approved', 'subject_request-declined'],
  ...['subject_request-extended', 'subject_request-transferred'],
  'staff-remind_families',
  ...['account_reminder-requested', 'account_reminder-throttled', 'end_session-redirect_refused'],
] as const;

/** The changes that the account page shows, with `-` for the dot. */
export const ACCOUNT_CHANGES = [
  'application_password-created',
  ...['second_factor-added', 'second_factor-removed', 'recovery_codes-replaced'],
  ...['identifier-changed', 'identifier-removed', 'identifier-reverted'],
  ...['staff-issue_one_time_code', 'staff-restore_first_password', 'staff-remove_second_factor'],
  ...['staff-change_contact', 'staff-correct_identity', 'staff-merge', 'staff-undo_merge'],
] as const;

/** The families of keys of applications and their review. */
export const BINDING_KEYS = {
  'binding.note': ['order', 'code', 'removed', 'added'],
  'binding.state': APPLICATION_STATES,
  'account.bindingLink': APPLICATION_STATES,
  'binding.statusTitle': APPLICATION_STATES,
  'binding.statusText': APPLICATION_STATES,
  'binding.answer': NOTICE_ANSWERS,
  'binding.answerHint': NOTICE_ANSWERS,
  'binding.kind': APPLICANT_KINDS,
  'binding.kindHint': APPLICANT_KINDS,
  'binding.relation': STATED_RELATIONS,
  'binding.missing': ['name', 'relation', 'national_id', 'mobile', 'email'],
  'binding.invalid': ['name', 'relation', 'national_id', 'mobile', 'email'],
  'binding.conflict': FAMILY_CONFLICTS,
  'binding.evidenceLead': APPLICANT_KINDS,
  'binding.evidenceProblem': ['empty', 'too_large', 'type', 'dimensions', 'active', 'encrypted'],

  'review.state': APPLICATION_STATES,
  'review.kind': APPLICANT_KINDS,
  'review.conflict': BINDING_CONFLICTS,
  'review.decision': REVIEW_DECISIONS,
  'review.done': ['approved', 'returned', 'rejected'],
  'review.note': APPROVAL_NOTES,
  'review.item': ['name', 'school', 'class', 'seat', 'number', 'relation', 'nationalId', 'mobile', 'email', 'register'],
  'review.registerItem': ['nationalId', 'name', 'relation'],
  'review.registerCheck': ['no_student', 'no_guardian', 'equal', 'different'],
  'review.check': [
    ...['noAccount', 'accountExists', 'nameEqual', 'nameDiffers', 'idHidden', 'taken', 'emailConfirmed'],
    'emailNotConfirmed',
  ],
  'answers.state': FAMILY_ANSWERS,
  'mail.applicationDecided': [
    ...['reason', 'returned', 'returnedNext', 'returnedSubject', 'rejected', 'rejectedNext', 'rejectedSubject'],
  ],
} as const;

/** The fields of the copy of personal data. */
const DATA_FIELDS = [
  ...['name', 'nationalId', 'birthDate', 'id', 'sharingStoppedAt', 'createdAt'],
  ...['updatedAt', 'kind', 'value', 'school', 'verifiedAt', 'expiresAt'],
  ...['passwordChangedAt', 'firstPasswordExpiresAt', 'linkExpiresAt', 'recoveryCodes', 'removalAt', 'factor'],
  'applicationPassword',
  ...['addedAt', 'lastUsedAt', 'role', 'validFrom', 'validTo', 'term'],
  ...['class', 'seat', 'studentNumber', 'student', 'guardian', 'relation'],
  ...['state', 'applicants', 'files', 'unsent', 'report', 'reason', 'submittedAt'],
  ...['decidedAt', 'answer', 'version', 'answeredAt', 'device', 'address'],
  ...['endedAt', 'app', 'scopes', 'grantedAt', 'action', 'requestedAt'],
  ...['decision', 'doneAt', 'mergedAt', 'event', 'outcome', 'by'],
  ...['eventAt', 'remindedAt', 'endRequestedAt', 'endRequest'],
] as const;

/** The families of keys of the pages about personal data. */
export const DATA_KEYS = {
  'data.section': [
    ...['person', 'identifiers', 'credentials', 'memberships', 'enrollments', 'schoolAccounts', 'guardianships'],
    ...['applications', 'noticeAnswers', 'sessions', 'grants', 'consents', 'lastContexts', 'staffRequests', 'events'],
  ],
  'data.field': DATA_FIELDS,
  'data.by': ['self', 'staff', 'service'],
  'data.notice': ['confirmed', 'resumed'],
  'dataRequest.kind': SUBJECT_REQUEST_KINDS,
  'dataRequest.kindHint': SUBJECT_REQUEST_KINDS,
  'dataRequest.what': SUBJECT_REQUEST_KINDS,
  'dataRequest.effect': SUBJECT_REQUEST_KINDS,
  'dataRequest.state': SUBJECT_REQUEST_STATES,
  'dataRequest.stateText': SUBJECT_REQUEST_STATES,
  'dataRequest.notice': ['created', 'open', 'withdrawn'],
  'subjectRequest.deadline': DEADLINE_STATES,
  'subjectRequest.answer': SUBJECT_REQUEST_ANSWERS,
  'subjectRequest.effect': SUBJECT_REQUEST_KINDS,
  'subjectRequest.obstacle': ERASURE_OBSTACLES,
  'subjectRequest.done': ['approved', 'declined', 'extended'],
  'mail.subjectRequest': [
    ...['received', 'approved', 'declined', 'extended', 'receivedSubject', 'approvedSubject', 'declinedSubject'],
    ...['extendedSubject', 'reason', 'due', 'link', 'erased'],
  ],
} as const;
