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
  ],
  ...['staff_request-declined', 'staff_request-withdrawn', 'staff_request-void', 'guardianship-suspended'],
  ...['guardianship-resumed', 'guardianship-revoked', 'guardianship-expired', 'person-merged'],
  ...[
    'person-locale_changed',
    'identifier-requested',
    'identifier-changed',
    'identifier-removed',
    'second_factor-removal_canceled',
  ],
  ...['account_reminder-requested', 'account_reminder-throttled', 'end_session-redirect_refused'],
] as const;
