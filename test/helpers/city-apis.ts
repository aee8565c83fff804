import { SCOPES } from '../../src/domain/claims/scopes.ts';
import {
  requestTokens,
  codeOf,
  runAuthorization,
  LOGIN,
  type AuthorizationResult,
  type Reply,
} from './authorization-flow.ts';
import { createHttpBrowser } from './http-browser.ts';
import { createParty, newSecret, createRegistration, type TestParty } from './relying-party.ts';
import { startService, type TestService } from './service.ts';

/** An API that verifies JWT access tokens itself. */
export const NOTICES = 'https://notices.city.example/';
/** An API with opaque tokens of three minutes, which it introspects. */
export const FEES = 'https://fees.city.example/v1';
/** An API that the app may not call. */
export const OTHERS = 'https://others.city.example/';
export const PERMISSIONS = ['notice:read', 'notice:reply', 'fees:read'];
export const SCOPE = 'openid children notices.read';

const RESOURCE_SERVERS = [
  {
    identifier: NOTICES,
    scopes: {
      'notices.read': { 'zh-TW': '看學校的通知', en: 'See notices of the school' },
      'notices.reply': { 'zh-TW': '回覆學校的通知', en: 'Answer notices of the school' },
    },
  },
  { identifier: FEES, scopes: { 'bills.read': '看帳單' }, access_token_format: 'opaque', access_token_minutes: 3 },
  { identifier: OTHERS, scopes: { 'files.read': '看檔案' } },
];

/** The service with registered APIs, and clients for the apps and the APIs. */
export interface CityApis {
  service: TestService;
  app: TestParty;
  /** Registered like `app`, but third-party: needs consent. */
  vendor: TestParty;
  noticesApi: TestParty;
  feesApi: TestParty;
  /** Runs an authorization of `app` by G2 for one of her children. */
  authorizeFor(parameters: Record<string, string>, child?: string): Promise<AuthorizationResult>;
  /** Redeems a code of `app`. */
  redeemWith(entered: AuthorizationResult, fields: Record<string, string>): Promise<Reply>;
}

export async function startCityApis(): Promise<CityApis> {
  const secret = newSecret();
  const more = { scopes: SCOPES, permissions: PERMISSIONS, resources: [NOTICES, FEES] };
  const service = await startService({
    resourceServers: RESOURCE_SERVERS,
    clients: [
      createRegistration('app', secret, more),
      createRegistration('vendor', secret, { ...more, first_party: false }),
      createRegistration('fees-api', secret, { scopes: ['openid'], introspects: FEES }),
      createRegistration('notices-api', secret, { scopes: ['openid'], introspects: NOTICES }),
    ],
  });
  const party = (id: string): Promise<TestParty> => createParty(service.issuer, { id, scope: SCOPE, secret });
  const app = await party('app');
  return {
    service,
    app,
    vendor: await party('vendor'),
    noticesApi: await party('notices-api'),
    feesApi: await party('fees-api'),
    authorizeFor: (parameters, child = '王小安') =>
      runAuthorization(app, createHttpBrowser(service.issuer), { login: LOGIN.G2, choice: [child], parameters }),
    redeemWith: ({ answer, verifier }, fields) =>
      requestTokens(app, {
        grant_type: 'authorization_code',
        code: codeOf(answer),
        redirect_uri: app.redirectUri,
        code_verifier: verifier,
        ...fields,
      }),
  };
}
