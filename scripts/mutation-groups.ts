/**
 * What mutation testing changes, and the tests that judge it.
 *
 * Of `oidc`, `http` and `store` the files that keep somebody out or end something are in: sessions, grants, tokens, prompts, cookies,
 * forms, throttles, credentials, the audit log and transactions. Left out are texts and pages, the wiring of the parts, the schema,
 * jobs, commands and configuration: their mistakes show at the start of the service or on a page.
 */

/** Source files that are mutated together, and the test files of which at least one must fail for each mutant. */
export interface Part {
  /** Paths or glob patterns. */
  sources: readonly string[];
  /** Paths or glob patterns. Each costs its running time for every mutant that it reaches, so keep the list short. */
  tests: readonly string[];
  /** Default: the SQLite cases alone. */
  dialects?: 'sqlite' | 'both';
  /** Default: `perTest`. `off` where the source runs in a worker thread or a process of its own: no coverage comes from there. */
  coverage?: 'perTest' | 'off';
}

const files = (folder: string, names: string): string[] => names.split(' ').map((name) => `src/${folder}/${name}.ts`);
const unit = (names: string): string[] => names.split(' ').map((name) => `test/unit/${name}.test.ts`);
const http = (names: string): string[] => names.split(' ').map((name) => `test/http/${name}.test.ts`);
const security = (names: string): string[] => names.split(' ').map((name) => `test/security/${name}.test.ts`);
const contract = (names: string): string[] => names.split(' ').map((name) => `test/contract/${name}.test.ts`);

const SERVICES: readonly Part[] = [
  {
    sources: files('services', 'access affiliations endings guardianships people'),
    tests: unit('services-endings services-access services-account services-people'),
  },
  { sources: files('services', 'errors revoke-all session-rotation'), tests: unit('services-consents') },
  { sources: files('services', 'consents'), tests: [...unit('services-consents'), ...security('consent-answers')] },
  { sources: files('services', 'grants'), tests: security('grant-limit removed-consent') },
  {
    sources: files('services', 'grant-revocation'),
    tests: [...http('reuse'), ...contract('lock-order')],
    dialects: 'both',
  },
  { sources: files('services', 'device-codes'), tests: http('device-polls device-user-codes') },
  { sources: files('services', 'request-rates'), tests: unit('services-request-rates') },
  {
    sources: files('services', 'attempts attempt-counters known-devices network-counters refusals sign-in'),
    tests: unit('services-sign-in services-network-counters services-known-devices services-attempt-rules'),
  },
  { sources: files('services', 'notices passwords recovery'), tests: unit('services-recovery') },
  {
    sources: files('services', 'keys new-key oidc-payload secrets'),
    tests: [...unit('services-secrets services-keys'), ...contract('keys')],
  },
  {
    sources: files('services', 'audit availability side-effects'),
    tests: [...unit('services-availability services-access'), ...contract('audit-record audit')],
  },
  { sources: files('services', 'audit-archive audit-archive-file audit-verify'), tests: contract('audit-archive') },
  {
    sources: files('services', 'clients logger mail metrics outbox'),
    tests: unit('services-clients services-outbox services-delivery services-logger services-mail'),
  },
  {
    sources: files('services', 'brand common-passwords i18n page-locals templates'),
    tests: unit('i18n templates domain-password services-recovery'),
  },
  { sources: files('services', 'hashing hashing-worker'), tests: unit('services-hashing'), coverage: 'off' },
];

const OIDC: readonly Part[] = [
  {
    sources: files('oidc', 'adapter session-adapter standing-grant'),
    tests: [...unit('oidc-adapter'), ...http('sessions')],
  },
  { sources: files('oidc', 'browser-binding'), tests: [...unit('oidc-adapter'), ...security('browser-binding')] },
  {
    sources: files('oidc', 'account identity grants requested-scopes sector verified-login'),
    tests: [
      ...unit('oidc-names'),
      ...http('grants identity-claims identity-endings'),
      ...security('credential-version'),
    ],
  },
  { sources: files('oidc', 'events gather reuse'), tests: http('gather reuse') },
  {
    sources: files('oidc', 'request-limits routes'),
    tests: [...unit('http-paths'), ...http('request-rates request-size')],
  },
  {
    sources: files('oidc/prompts', 'consent index login new-password requested-check select-account'),
    tests: [...unit('oidc-names'), ...http('consent first-password identity-choice tokens-requests')],
  },
  {
    sources: files(
      'oidc',
      'options/claims options/client-auth options/clients options/fapi options/resources options/ttl',
    ),
    tests: unit('oidc-options oidc-names'),
  },
  {
    sources: files('oidc', 'internals options/dpop'),
    tests: http('protocol-clients protocol-dpop protocol-proof-times tokens-discovery logout'),
  },
  { sources: files('oidc', 'options/cookies'), tests: security('cookies') },
  {
    sources: files('oidc', 'device-polls options/device-flow user-codes'),
    tests: http('device device-polls device-user-codes'),
  },
];

const HTTP: readonly Part[] = [
  {
    sources: files('http', 'forms middleware/headers middleware/language middleware/observe middleware/same-origin'),
    tests: unit('http-paths http-middleware http-headers'),
  },
  {
    sources: files('http', 'middleware/origin'),
    tests: [...unit('http-paths http-headers'), ...http('forwarded-address')],
  },
  { sources: files('http', 'middleware/admission in-flight'), tests: http('overload in-flight crowd') },
  { sources: files('http', 'middleware/request-limits parse-limit'), tests: http('request-size edges-pages') },
  { sources: files('http', 'device-cookie'), tests: http('known-device') },
  {
    sources: files('http', 'interaction/login interaction/step interaction/router throttled'),
    tests: [...http('sign-in'), ...security('late-sign-in browser-binding')],
  },
  {
    sources: files('http', 'change-password interaction/new-password new-password-form'),
    tests: http('first-password first-password-closing sessions-account'),
  },
  {
    sources: files('http', 'interaction/consent interaction/select-account'),
    tests: [...http('consent identity-choice'), ...security('consent-answers')],
  },
  {
    sources: files('http', 'account/home account/password account/router account/session'),
    tests: [...http('sessions-account'), ...security('open-redirect')],
  },
  { sources: files('http', 'forgot/router'), tests: http('reset-link recovery') },
  {
    sources: files('http', 'form-requests provider-forms way-back'),
    tests: http('protocol-form-post provider-forms way-back'),
  },
  {
    sources: [
      ...files('oidc', 'end-session-request'),
      ...files('http/provider', 'end-session sealed sign-out-form signed-out'),
    ],
    tests: http('end-session-request end-session'),
  },
  { sources: files('http', 'duplicate-headers'), tests: security('duplicate-headers') },
];

const STORE: readonly Part[] = [
  {
    sources: files(
      'store',
      'affiliations consents credentials grants guardianships keys oidc-records outbox people sessions',
    ),
    tests: [...contract('provider people affiliations'), ...unit('services-endings services-access services-people')],
  },
  {
    sources: files('store', 'bulk password-context person-facts'),
    tests: [...contract('people affiliations'), ...unit('services-endings services-people services-recovery')],
  },
  {
    sources: files('store', 'audit throttles'),
    tests: [...contract('audit audit-record'), ...unit('services-recovery')],
  },
  {
    sources: files('store/database', 'errors sqlite sqlite-commit sqlite-connection statement unit'),
    tests: [...unit('store-sqlite'), ...contract('database')],
  },
  {
    sources: files('store/database', 'postgres postgres-errors postgres-sharing'),
    tests: [...unit('store-sqlite'), ...contract('database postgres-sharing')],
    dialects: 'both',
  },
  { sources: files('store/database', 'backup postgres-tools private-file restore'), tests: contract('backup') },
];

export const GROUPS: Readonly<Partial<Record<string, readonly Part[]>>> = {
  /** The rules. All files; `model.ts` is mostly types and has hardly anything to change. */
  domain: [{ sources: ['src/domain/*.ts'], tests: ['test/unit/domain-*.test.ts'] }],
  services: SERVICES,
  oidc: OIDC,
  http: HTTP,
  store: STORE,
};
