import { HIDDEN_REASONS } from '../domain/acting/contexts.ts';
import { NOTICE_POINTS } from '../domain/binding/notice.ts';
import { SECOND_FACTOR_CHANGES } from '../domain/credentials/second-factors.ts';
import { PASSWORD_PROBLEMS } from '../domain/credentials/password-policy.ts';
import { CLIENT_FIELDS, DIRECTORY_CHOICES } from '../domain/client-fields.ts';
import { CAPACITIES } from '../domain/access/capacities.ts';
import { GRANTED_DUTIES } from '../domain/access/duties.ts';
import { BULK_ACTIONS, BULK_ROW_STATES } from '../domain/access/bulk-actions.ts';
import {
  DUTY_ACTION_NAMES,
  IMPOSSIBLE_REASONS,
  INPUT_ACTION_NAMES,
  PERSON_ACTION_NAMES,
} from '../domain/access/person-actions.ts';
import { LINK_PURPOSES } from '../domain/credentials/first-password.ts';
import { DEFAULT_POLICY_SETTINGS } from '../domain/access/settings.ts';
import {
  FAMILY_REQUEST_KINDS,
  GUARDIANSHIP_NOTICES,
  STAFF_TASKS,
  WORK_KINDS,
} from '../domain/binding/family-notices.ts';
import { CONTACT_SUBJECTS } from '../domain/school-contacts.ts';
import { FAILURE_CAUSES } from '../domain/usage.ts';
import { GUARDIANSHIP_STATES, PERMISSIONS, RELATIONS, ROLES, SCHOOL_TYPES } from '../domain/model.ts';
import { APPLIED_STATES } from './page-locals/interaction.ts';
import { ACCOUNT_CHANGES, AUDIT_EVENTS, BINDING_KEYS, DASHBOARD_TEXTS, DATA_KEYS } from './text-families.ts';

const CLIENT_ACTION_NAMES = [
  ...['rotate-secret', 'end-old-secret', 'rotate-directory-secret', 'end-old-directory-secret'],
  ...['disable', 'enable'],
];
const POLICY_NAMES = Object.keys(DEFAULT_POLICY_SETTINGS);

/**
 * Keys that the code builds at run time, for example `role.${role}`. A test checks that every language has exactly these members. Members
 * of `message`, `newPassword`, `scope` and `console.action` have parts such as `.title`.
 */
export const DYNAMIC_KEYS = {
  'noticeEditor.point': NOTICE_POINTS,
  'schoolContacts.subject': CONTACT_SUBJECTS,
  'schoolContacts.field': ['desk', 'deskEn', 'phone', 'extension'],
  'schoolContacts.wrong': ['desk', 'deskEn', 'phone', 'extension'],
  'registerCheck.effect': ['on', 'rest', 'off'],
  'noticeEditor.effect': ['newOnly', 'keeps'],
  'noticeEditor.text': ['chinese', 'english'],
  role: ROLES,
  'bindingRequired.appliedTitle': APPLIED_STATES,
  'bindingRequired.appliedText': APPLIED_STATES,
  relation: RELATIONS,
  permission: PERMISSIONS,
  identifier: ['email', 'mobile', 'account', 'school_account'],
  scope: ['openid', 'profile', 'email', 'phone', 'roles', 'children', 'children.profile', 'offline_access'],
  'choose.as': ROLES,
  alert: [
    ...['failed', 'wrongPassword', 'tooMany', 'locked', 'busy'],
    ...['lastFree', 'lastBeforeLock', 'delayed', 'forgot', 'forgotLink'],
  ],
  'signIn.purpose': [
    ...['payment', 'portfolio', 'app', 'console'],
    ...['contacts', 'secondFactors', 'data', 'guardianship', 'account'],
  ],
  required: ['login', 'password', 'current_password', 'new_password', 'confirm_password'],
  problem: [...PASSWORD_PROBLEMS, 'wrong_current', 'mismatch'],
  notice: [
    ...['passwordChanged', 'sessionEnded', 'othersEnded', 'appRevoked', 'confirmed'],
    ...['deviceEnded', 'devicesEnded', 'namedAppRevoked', 'namedFactorRemoved'],
    ...['factorAdded', 'factorRemoved', 'tooManyFactors', 'removalCanceled', 'changesSeen', 'openAgain'],
  ],
  'account.changes.event': ACCOUNT_CHANGES,
  'account.signIn': [
    'succeeded',
    'failed',
    'throttled',
    'password_change_required',
    'second_factor_required',
    'second_factor_failed',
  ],
  'forgotAccount.required': ['national_id', 'contact'],
  'contacts.notice': [
    'emailSent',
    'emailChanged',
    'mobileChanged',
    'accountChanged',
    'mobileRemoved',
    'accountRemoved',
    'unchanged',
    'language',
    'confirmed',
  ],
  'contacts.undo': ['enterAgain', 'restore', 'changeBack'],
  'contacts.invalid': ['email', 'mobile', 'account'],
  'contacts.linkTitle': ['expired', 'taken'],
  'contacts.linkText': ['expired', 'taken'],
  'account.hidden': HIDDEN_REASONS,
  'mail.button': [
    ...['signIn', 'application', 'confirmEmail', 'setPassword', 'restoreEmail', 'account', 'secondFactors', 'console'],
    'request',
  ],
  'mail.loginChanged.text': ['email', 'mobile', 'account', 'mobile_removed', 'account_removed'],
  message: [
    'notFound',
    'forbidden',
    'methodNotAllowed',
    'badRequest',
    'expired',
    'failed',
    'tooManyOfPerson',
    'tooManyRequests',
    'busy',
    'unavailable',
    'oauth',
    'signOutFailed',
  ],
  newPassword: ['first', 'change', 'reset', 'activation', 'setup'],
  'forgot.done.title': LINK_PURPOSES,
  'forgot.done.text': LINK_PURPOSES,
  'mail.secondFactorSubject': SECOND_FACTOR_CHANGES,
  'mail.secondFactorText': SECOND_FACTOR_CHANGES,
  capacity: CAPACITIES,
  guardianshipState: GUARDIANSHIP_STATES,
  'adulthood.done': ['consent', 'decline', 'withdraw'],
  'guardianshipEnd.done': ['request', 'withdraw'],
  'familyRequests.kind': FAMILY_REQUEST_KINDS,
  'familyRequests.close': FAMILY_REQUEST_KINDS,
  'familyRequests.effect': FAMILY_REQUEST_KINDS,
  'mail.guardianshipCreated.subject': RELATIONS,
  'mail.guardianshipCreated.text': RELATIONS,
  'mail.guardianshipNotice.subject': GUARDIANSHIP_NOTICES,
  'mail.guardianshipNotice.text': GUARDIANSHIP_NOTICES,
  'mail.staffTask.subject': STAFF_TASKS,
  'mail.staffTask.text': STAFF_TASKS,
  schoolType: SCHOOL_TYPES,
  'keys.state': ['next', 'current', 'previous'],
  'deadLetters.kind': ['mail', 'backchannel_logout'],
  'deadLetters.action': ['retry', 'retry-all', 'drop'],
  'deadLetters.done': ['retry', 'retry-all', 'drop'],
  'clients.field': CLIENT_FIELDS,
  'clients.hint': CLIENT_FIELDS,
  'clients.problem': CLIENT_FIELDS,
  'clients.value': ['web', 'native', 'client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
  'clients.directory': DIRECTORY_CHOICES,
  'clients.action': CLIENT_ACTION_NAMES,
  'clients.notice': ['registered', 'changed', ...CLIENT_ACTION_NAMES],
  'bureau.duty': GRANTED_DUTIES,
  'bureau.policy': [
    ...['title', 'intro', 'confirm', 'effect'],
    ...POLICY_NAMES,
    ...POLICY_NAMES.map((name) => `${name}Hint`),
  ],
  'bureau.announcement': [
    ...[
      'title',
      'intro',
      'chinese',
      'english',
      'from',
      'until',
      'confirm',
      'effect',
      'confirmRemoval',
      'removalEffect',
    ],
    ...['bothLanguages', 'noTime', 'noneToRemove', 'endsBeforeStart'],
  ],
  'bureau.school': [
    ...['title', 'add', 'none', 'count', 'code', 'codeHint', 'school', 'type', 'name', 'nameEn', 'closed'],
    ...['close', 'closeEffect', 'closeKeeps', 'closeStaff', 'reopen', 'reopenEffect', 'confirmClose', 'confirmReopen'],
    ...['confirmAdd', 'addEffect', 'confirmEdit', 'editEffect', 'wrongCode', 'wrongName'],
    ...['district', 'districtHint', 'wrongDistrict'],
  ],
  'bureau.membership': [
    ...['title', 'link', 'grant', 'grantTo', 'none', 'ended', 'end', 'back', 'duty', 'school', 'schoolHint'],
    ...['period', 'periodOpen', 'periodUntil', 'periodAlways'],
    ...['from', 'until', 'untilHint', 'confirmGrant', 'grantEffect', 'notified', 'confirmEnd', 'endEffect'],
    ...['noSchool', 'wrongDate', 'past'],
  ],
  'bureau.refused': [...['denied', 'changed_meanwhile', 'exists', 'demo_code', 'already_done']],
  'console.action': [...PERSON_ACTION_NAMES, ...DUTY_ACTION_NAMES],
  'console.denied': ['self', 'rank', 'capacity', 'setting', 'not_found', 'interest', 'own_request', 'school_closed'],
  'console.impossible': IMPOSSIBLE_REASONS,
  'console.inputLabel': INPUT_ACTION_NAMES,
  'console.inputHint': INPUT_ACTION_NAMES,
  'classView.action': BULK_ACTIONS,
  'classView.nothing': ['chosen', 'never'],
  'classView.effect': BULK_ACTIONS,
  'classView.kind': ['pupil', 'guardian', 'school_account'],
  'classView.state': ['active', 'never', 'locked', 'code', 'disabled'],
  'classView.rowState': BULK_ROW_STATES,
  'classView.problem': [
    'denied',
    'outdated',
    'no_email',
    'too_many_links',
    'no_login',
    'disabled',
    'already_done',
    'already_requested',
    'school_closed',
    'error',
  ],
  'requests.state': ['pending', 'confirmed', 'declined', 'withdrawn', 'expired', 'void'],
  'requests.done': ['declined', 'withdrawn'],
  ...BINDING_KEYS,
  ...DATA_KEYS,
  'console.waiting.kind': WORK_KINDS,
  'console.state': [
    'active',
    'disabled',
    'locked',
    'delayed',
    'second_factor_locked',
    'no_password',
    'first_password_open',
    'first_password_expired',
    'first_password_closed',
    'one_time_code_open',
    'one_time_code_expired',
    'one_time_code_closed',
  ],
  'dashboard.text': DASHBOARD_TEXTS,
  'dashboard.cause': FAILURE_CAUSES,
  // Events of the audit log with `-` for the dot.
  'auditViewer.event': AUDIT_EVENTS,
  'auditViewer.state': ['none', 'running', 'intact', 'broken', 'interrupted'],
  'mail.staffAction.what': [
    ...PERSON_ACTION_NAMES.filter((name) => name !== 'reset-link'),
    'remove-second-factor-pending',
    'membership-granted',
    'membership-ended',
  ],
} as const satisfies Record<string, readonly string[]>;
