/**
 * The source files that mutation testing changes, and the tests that must detect the changes.
 *
 * From `oidc`, `http` and `store` the groups contain the files that enforce access or revocation: sessions, grants, tokens, prompts,
 * cookies, forms, throttles, credentials, the audit log and transactions. They omit texts and pages, composition, the schema, jobs,
 * commands and configuration, because their errors show at startup or on a page.
 */

import { contract, files, http, ldap, security, unit, type Part } from './mutation-parts.ts';
import { SERVICES } from './mutation-services.ts';

const OIDC: readonly Part[] = [
  {
    sources: files('oidc/adapter', 'adapter session-adapter grant-lookup'),
    tests: [
      ...unit('oidc-adapter'),
      ...http('sessions'),
      ...security('session-rotation consent-answers credential-version'),
    ],
  },
  {
    sources: files('oidc/adapter', 'browser-binding'),
    tests: [...unit('oidc-adapter'), ...security('browser-binding')],
  },
  {
    sources: [
      ...files(
        'oidc/contexts',
        'account context-selection grant-issuer id-token-hint requested-scopes sector-identifier',
      ),
      ...files('oidc/adapter', 'verified-login'),
      ...files('oidc/options', 'offline-access'),
    ],
    tests: [
      ...unit('oidc-names'),
      ...http('grants context-choice context-claims context-revocation protocol-resources'),
      ...security('credential-version'),
    ],
  },
  {
    sources: [
      ...files('oidc', 'event-listeners'),
      ...files('oidc/adapter', 'pending-writes request-transaction token-reuse'),
    ],
    tests: http('request-transaction token-reuse'),
  },
  {
    sources: files('oidc', 'request-limits routes'),
    tests: [
      ...unit('http-paths'),
      ...http('request-rates request-size pushed-request-rates refresh-rates known-device-rates protocol-par'),
    ],
  },
  {
    sources: ['src/oidc/prompts/**/*.ts'],
    tests: [...unit('oidc-names'), ...http('consent first-password context-choice tokens-requests second-factor')],
  },
  {
    sources: files('oidc/options', 'claims client-auth clients fapi refresh-rotation resources ttl'),
    tests: unit('oidc-options oidc-names'),
  },
  {
    sources: [...files('oidc', 'openid-scope'), ...files('oidc/options', 'pkce')],
    tests: http('tokens-requests device'),
  },
  {
    sources: [
      ...files('oidc', 'cached-discovery'),
      ...files('oidc/adapter', 'replay-detection'),
      ...files('oidc/options', 'dpop'),
    ],
    tests: http('protocol-dpop protocol-proof-times tokens-discovery discovery-members pushed-request-rates'),
  },
  {
    sources: [...files('oidc', 'client-auth-errors'), ...files('http/middleware', 'allowed-methods cors')],
    tests: http('api-endpoints'),
  },
  {
    sources: files('oidc', 'provider-internals requested-address session-assurance'),
    tests: http(
      'protocol-clients protocol-dpop context-claims request-size reauthentication console-routes second-factor logout',
    ),
  },
  {
    sources: [
      ...files('oidc/prompts', 'asked-adult'),
      ...files('oidc/prompts/checks', 'consent-undecided'),
      ...files('http/interaction', 'adulthood'),
    ],
    tests: http('adulthood'),
  },
  { sources: files('oidc', 'empty-client-secret'), tests: http('empty-client-secret') },
  { sources: files('oidc', 'client-keys'), tests: http('client-keys') },
  { sources: files('oidc/options', 'pkce'), tests: [...unit('oidc-options'), ...http('tokens-requests')] },
  { sources: files('oidc/options', 'cookies'), tests: security('cookies') },
  {
    sources: [...files('oidc/adapter', 'device-polls user-codes'), ...files('oidc/options', 'device-flow')],
    tests: http('device device-polls device-user-codes'),
  },
];

const HTTP: readonly Part[] = [
  {
    sources: [...files('http/forms', 'body'), ...files('http/middleware', 'security-headers locale request-log csrf')],
    tests: unit('http-paths http-middleware http-headers'),
  },
  {
    sources: files('http/middleware', 'issuer-origin'),
    tests: [...unit('http-paths http-headers'), ...http('forwarded-address')],
  },
  {
    sources: [...files('http/middleware', 'load-shedding'), ...files('http/server', 'in-flight-tracker')],
    tests: [...unit('http-paths http-in-flight'), ...http('load-shedding')],
  },
  {
    sources: [...files('http/middleware', 'request-limits'), ...files('http/server', 'stop-parsing')],
    tests: http('request-size edges-pages request-rates'),
  },
  {
    sources: files('http/forms', 'upload upload-memory'),
    tests: [...unit('http-upload-memory'), ...http('binding-evidence')],
  },
  { sources: files('http/forms', 'known-device-cookie'), tests: [...http('known-device'), ...security('cookies')] },
  {
    sources: files('http/interaction', 'login interaction router'),
    tests: [
      ...http('sign-in first-password sessions known-device second-factor'),
      ...security('concurrent-revocation browser-binding credential-version'),
    ],
  },
  {
    sources: [...files('http/forms', 'password-form'), ...files('http/interaction', 'new-password')],
    tests: http('first-password first-password-closing sessions-account new-password-rates'),
  },
  {
    sources: files('http/interaction', 'consent select-account'),
    tests: [...http('consent context-choice'), ...security('consent-answers')],
  },
  {
    sources: files('http/account', 'overview password router'),
    tests: http('sessions-account recent-sign-in context-revocation'),
  },
  {
    sources: [
      ...files('http/account', 'session'),
      ...files('http/console', 'session router bureau-routes audit-routes'),
    ],
    tests: [...http('recent-sign-in console-routes account-second-factors'), ...security('open-redirect')],
  },
  {
    sources: [
      ...files('http/password-reset', 'place request-form reset-form reset-link reset-request router'),
      ...files('http/interaction', 'password-reset'),
    ],
    tests: http('password-reset-link password-reset password-reset-return'),
  },
  {
    sources: files('http/provider', 'post-to-get auto-submit-forms return-link'),
    tests: http('protocol-form-post auto-submit-forms return-link device'),
  },
  {
    sources: [
      ...files('oidc', 'end-session-request'),
      ...files('http/provider', 'end-session end-session-form signed-out-page'),
      ...files('http', 'sealed-value'),
    ],
    tests: http('end-session-request end-session'),
  },
  { sources: files('http/server', 'duplicate-headers'), tests: security('duplicate-headers') },
];

const STORE: readonly Part[] = [
  { sources: files('store/database', 'availability'), tests: unit('store-availability') },
  {
    sources: [
      ...files('store/people', 'affiliations guardianships people'),
      ...files('store/oidc', 'consents grant-limits grants keys last-contexts records'),
      ...files('store/auth', 'credentials sessions'),
      ...files('store', 'outbox'),
    ],
    tests: [
      ...contract('access credentials provider people affiliation-expiry purge keys lock-order'),
      ...security('grant-limit'),
      ...unit('services-revocation services-account-access services-people'),
    ],
  },
  {
    sources: [
      ...files('store/database', 'bulk-insert'),
      ...files('store/auth', 'password-context'),
      ...files('store/people', 'person-facts person-fact-rows'),
    ],
    tests: [
      ...contract('people affiliation-expiry'),
      ...unit('services-revocation services-people services-password-reset store-sqlite'),
    ],
  },
  {
    sources: [...files('store', 'audit'), ...files('store/auth', 'throttles')],
    tests: [...contract('audit audit-record audit-archive purge people'), ...unit('services-password-reset')],
  },
  {
    sources: [
      ...files('store/database', 'errors json-list prepared-select prepared-statement transaction'),
      ...files('store/database/sqlite', 'store group-commit connection'),
    ],
    tests: [...unit('store-sqlite store-group-commit'), ...contract('credentials database prepared-select')],
  },
  {
    sources: files('store/database/postgres', 'store connection-errors shared-reads'),
    tests: [...unit('store-sqlite'), ...contract('database postgres-shared-reads')],
    dialects: 'both',
  },
  {
    sources: [
      ...files('store/database', 'backup private-file restore'),
      ...files('store/database/postgres', 'client-tools'),
    ],
    tests: contract('backup'),
  },
];

const LDAP: readonly Part[] = [
  {
    sources: files('ldap/codec', 'ber controls filters framing requests responses'),
    tests: [...unit('ldap-codec'), ...security('ldap ldap-connections ldap-memory')],
  },
  {
    sources: [
      ...files('ldap', 'dn turns'),
      ...files('ldap/directory', 'entries matching plan schema selection tree'),
      ...files('ldap/operations', 'compare group-entries list-people people school-entries search'),
    ],
    tests: [
      ...contract('directory-search directory-limits'),
      ...security('ldap ldap-memory ldap-turns'),
      ...unit('ldap-list-people ldap-matching ldap-turns'),
      ...ldap('ldap-utils protocol'),
    ],
  },
  {
    sources: files('ldap/operations', 'bind extended password-modify run'),
    tests: [...security('ldap ldap-passwords ldap-connections'), ...ldap('ldap-utils protocol')],
  },
  {
    sources: files('ldap/server', 'connection held-bytes listeners operation-queue response-writer timeouts tls'),
    tests: security('ldap ldap-connections ldap-memory'),
  },
  { sources: files('ldap/server', 'observation'), tests: ldap('registration') },
];

export const GROUPS: Readonly<Partial<Record<string, readonly Part[]>>> = {
  /** All files of the domain. `model.ts` is mostly types and has few mutants. */
  domain: [{ sources: ['src/domain/**/*.ts'], tests: ['test/unit/domain-*.test.ts'] }],
  services: SERVICES,
  oidc: OIDC,
  http: HTTP,
  ldap: LDAP,
  store: STORE,
};
