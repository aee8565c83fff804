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

/** Takes a JWT that it checks itself. */
export const NOTICES = 'https://notices.city.example/';
/** Asks the service about opaque tokens; three minutes. */
export const FEES = 'https://fees.city.example/v1';
/** The app may not call the API. */
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

/** The service with APIs, apps that call them, and the APIs themselves. */
export interface CityApis {
  service: TestService;
  app: TestParty;
  /** As `app`, of somebody else: people are asked. */
  vendor: TestParty;
  noticesApi: TestParty;
  feesApi: TestParty;
  /** G2 as mother of one of her children, up to the answer for `app`. */
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
