/** The parts of the group `services`: also `platform` and `presentation`. */
import { contract, files, http, ldap, security, unit, type Part } from './mutation-parts.ts';

export const SERVICES: readonly Part[] = [
  { sources: files('services/directory', 'scan-audit'), tests: ldap('registration') },
  {
    sources: files('services/directory', 'binds'),
    tests: [...contract('directory-binds'), ...unit('services-directory-binds'), ...security('ldap-passwords')],
  },
  {
    sources: files('services/directory', 'directory groups handles lookups registered-clients'),
    tests: [...unit('services-directory-handles'), ...ldap('ldap-utils')],
  },
  {
    sources: [
      ...files('services/directory', 'password-changes service-accounts'),
      ...files('services/authentication', 'application-passwords'),
    ],
    tests: ['test/ldap/ldap-utils.test.ts', ...security('ldap-passwords')],
  },
  {
    sources: files('services/console', 'binding-overviews binding-reminders'),
    tests: http('binding-overviews'),
  },
  {
    sources: [
      ...files('services/access', 'account-access revocation'),
      ...files('services/people', 'affiliation-expiry guardianships people'),
    ],
    tests: unit('services-revocation services-account-access services-account services-people'),
  },
  {
    sources: [...files('platform', 'errors'), ...files('services/access', 'global-revocation session-rotation')],
    tests: unit('services-consents'),
  },
  {
    sources: files('services/access', 'consents'),
    tests: [...unit('services-consents'), ...security('consent-answers')],
  },
  {
    sources: files('services/access', 'grants'),
    tests: [...unit('services-grants'), ...http('context-choice')],
  },
  {
    sources: files(
      'services/binding',
      'default-notice evidence-check evidence-file evidence-step keep-input notices school-directory applicant-data applicant-step application-edit application-view applications step-input submission',
    ),
    tests: http('binding-application binding-applicant binding-evidence school-sign-in'),
  },
  {
    sources: files(
      'services/binding',
      'application-check application-lock application-pages approval guardian-account review review-history',
    ),
    tests: http('console-applications'),
  },
  {
    sources: files('services/binding', 'transfers'),
    tests: http('guardianship-changes'),
  },
  {
    sources: files('services/binding', 'register register-file register-import'),
    tests: [...http('register-check cli-register'), ...unit('domain-register')],
  },
  {
    sources: [
      ...files('services/people', 'adulthood adult-days guardianship-ends locks repeated-change-limit'),
      ...files('services/console', 'family-requests'),
      ...files('services/notifications', 'guardianship-notice registrars'),
    ],
    tests: http('adulthood family-requests'),
  },
  {
    sources: [
      ...files(
        'services/personal-data',
        'copy erasure operator-erasure request-mail request-payload request-reminders request-schools requests retention',
      ),
      ...files('services/console', 'subject-requests'),
      ...files('services/people', 'unsent-forms'),
    ],
    tests: [...http('personal-data'), ...contract('personal-data subject-requests')],
  },
  {
    sources: files('services/console', 'merge-snapshot undo-merge-effect'),
    tests: http('merge-undo'),
  },
  {
    sources: files('services/access', 'active-session'),
    tests: [...unit('services-second-factors'), ...contract('contact-races')],
  },
  { sources: files('services/people', 'test-person'), tests: ['test/conformance/profile.test.ts'] },
  {
    sources: files('services/access', 'grant-revocation'),
    tests: [...http('token-reuse'), ...contract('lock-order')],
    dialects: 'both',
  },
  { sources: files('services/authentication', 'device-codes'), tests: http('device-polls device-user-codes') },
  { sources: files('services/authentication', 'completed-sign-ins'), tests: http('completed-sign-ins') },
  {
    sources: files('services/authentication', 'credential-change-limit'),
    tests: http('account-second-factors new-password-rates'),
  },
  {
    sources: [
      ...files('services/authentication', 'second-factors second-factor-setup second-factor-verification'),
      ...files('services/authentication', 'second-factor-notices failure-reset'),
    ],
    tests: [...unit('services-second-factors'), ...http('second-factor second-factor-limits account-second-factors')],
  },
  {
    sources: files('services/authentication', 'passkeys passkey-verification'),
    tests: [...unit('services-second-factors'), ...http('passkeys')],
  },
  {
    sources: files('services/access', 'request-rate-limiter'),
    tests: [...unit('services-request-rate-limiter'), ...http('refresh-rates new-password-rates known-device-rates')],
  },
  {
    sources: files(
      'services/authentication',
      'password-verification login-keys login-throttle known-devices network-counters refusal-counters sign-in',
    ),
    tests: [
      ...unit('services-sign-in services-network-counters services-known-devices services-login-throttle'),
      ...http('refused-attempts known-device school-sign-in throttle-network sign-in'),
    ],
  },
  {
    sources: [
      ...files('services/notifications', 'verified-addresses'),
      ...files('services/authentication', 'passwords password-reset'),
    ],
    tests: [...unit('services-password-reset'), ...http('password-reset')],
  },
  {
    sources: [
      ...files('services/keys', 'key-ring key-generation'),
      ...files('platform/crypto', 'constant-time ff1 sealed-payload secrets siv'),
    ],
    tests: [...unit('platform-secrets services-key-ring'), ...contract('keys')],
  },
  {
    sources: [...files('services/audit', 'audit'), ...files('platform', 'best-effort')],
    tests: [...unit('platform-best-effort services-account-access'), ...contract('audit-record audit')],
  },
  {
    sources: files('services/audit', 'archive archive-file verification'),
    tests: [...unit('services-archive-file'), ...contract('audit-archive')],
  },
  { sources: files('services/audit', 'export'), tests: contract('audit-export') },
  { sources: files('services/operations', 'backup'), tests: contract('backup') },
  {
    sources: [
      ...files('services/access', 'client-registry'),
      ...files('platform', 'metrics'),
      ...files('services/notifications', 'mail-test mail-transport mailer outbox'),
    ],
    tests: unit('services-client-registry services-outbox platform-logger services-mailer'),
  },
  { sources: files('platform', 'node-metrics'), tests: unit('platform-metrics') },
  { sources: files('platform', 'logger'), tests: unit('platform-logger'), coverage: 'off' },
  {
    sources: [
      ...files('presentation', 'brand templates'),
      'src/presentation/*-locals.ts',
      'src/presentation/page-locals/*.ts',
    ],
    tests: unit('presentation-brand presentation-templates services-password-reset'),
  },
  {
    sources: files('presentation', 'i18n device-text'),
    tests: unit('http-device-name presentation-i18n presentation-language presentation-templates domain-password'),
  },
  {
    sources: files('platform/hashing', 'password-hasher password-hasher-worker password-strength'),
    tests: unit('platform-password-hasher'),
    coverage: 'off',
  },
  { sources: files('services/settings', 'required-second-factor settings'), tests: ['test/http/bureau.test.ts'] },
  {
    sources: files(
      'services/console',
      'action-execution authorization contact-effects duty-effects guardianship-effects identity-effects index merge-effect person-actions ' +
        'person-effect person-effects person-page request-list search second-factor-effect second-factor-removals staff-requests visible-family waiting-work',
    ),
    tests: [
      ...unit('services-console services-console-accounts services-console-changes services-console-requests'),
      ...http('console console-requests'),
    ],
  },
  {
    sources: files('services/console', 'bulk-runs classes'),
    tests: [...unit('services-console-bulk'), ...http('console-classes')],
  },
  {
    sources: files('services/console', 'client-effects client-form clients'),
    tests: [...unit('services-console-bureau'), ...http('console-clients')],
  },
  {
    sources: files('services/console', 'audit-log audit-verification'),
    tests: [...http('console-audit'), ...contract('console-audit')],
  },
  {
    sources: files('services/console', 'dashboard'),
    tests: [...http('console-dashboard'), ...contract('console-dashboard')],
  },
  { sources: files('services/console', 'dead-letters keys'), tests: http('console-operations') },
  {
    sources: files('services/console', 'bureau-settings bureau-write memberships schools'),
    tests: [...unit('services-console-bureau'), ...http('bureau')],
  },
  { sources: files('services/console', 'notices register-switch'), tests: http('console-notices register-check') },
  {
    sources: [...files('services/console', 'school-contacts'), ...files('services/people', 'school-contacts')],
    tests: http('school-contacts'),
  },
  { sources: files('services/people', 'administrators'), tests: unit('services-administrators') },
  {
    sources: files('services/authentication', 'account-reminder human-check recovery-limits'),
    tests: http('forgot-account human-check'),
  },
  { sources: files('services/authentication', 'human-check-demand'), tests: http('human-check') },
  { sources: files('presentation', 'charts'), tests: unit('presentation-charts') },
  { sources: files('presentation', 'dynamic-keys text-families'), tests: unit('presentation-i18n') },
  { sources: files('presentation', 'mark-chinese'), tests: unit('presentation-mark-chinese') },
  { sources: ['src/services/statistics/*.ts'], tests: contract('console-dashboard') },
  {
    sources: files('services/people', 'account-changes contacts contact-limits email-reverts login-changes'),
    tests: [
      ...unit('services-account-changes services-contacts'),
      ...http('account-changes account-contacts email-revert'),
    ],
  },
  {
    sources: files('services/access', 'clients-reload'),
    tests: http('clients-reload'),
  },
  {
    sources: files('services/access', 'stored-clients client-revocation'),
    tests: [...unit('services-console-bureau'), ...http('console-clients')],
  },
  { sources: files('platform', 'request-id'), tests: http('console-audit refusal-log') },
  { sources: files('platform', 'refusal'), tests: http('refusal-log request-transaction') },
  { sources: files('presentation', 'qr-code'), tests: unit('presentation-qr-code') },
];
