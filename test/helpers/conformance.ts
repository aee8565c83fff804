import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { createRemoteJWKSet, jwtVerify, type JWTHeaderParameters, type JWTPayload } from 'jose';
import { z } from 'zod';

import { TEST_LOGIN, TEST_PASSWORD } from '../../src/oidc/conformance/test-person.ts';
import { requestTokens, codeOf, interactionOf, textIn, userinfo, type Reply } from './authorization-flow.ts';
import { createTrustedCertificate } from './certificate.ts';
import { freezeTime, type FrozenTime } from './frozen-time.ts';
import { createHttpBrowser, type Answer, type HttpBrowser } from './http-browser.ts';
import { createParty, type TestParty } from './relying-party.ts';
import { startService, type TestService } from './service.ts';

const FOLDER = join(import.meta.dirname, '../../config/conformance');

const planClient = z.looseObject({ client_id: z.string(), client_secret: z.string().optional() });

/** The parts of a conformance suite configuration that the tests read. */
export const planFile = z.looseObject({
  alias: z.string(),
  server: z.object({ discoveryUrl: z.url() }),
  client: planClient.optional(),
  client2: planClient.optional(),
  client_secret_post: planClient.optional(),
  browser: z.array(z.looseObject({ match: z.string() })).default([]),
});

export const registrationFile = z.object({
  clients: z.array(
    z.looseObject({
      client_id: z.string(),
      client_secret_sha256: z.array(z.string()).optional(),
      redirect_uris: z.array(z.string()).min(1),
      post_logout_redirect_uris: z.array(z.string()).default([]),
    }),
  ),
});

type ClientList = z.infer<typeof registrationFile>['clients'];

export function readPlan(name: string): z.infer<typeof planFile> {
  return planFile.parse(JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')));
}

export function readRegistrations(): ClientList {
  return registrationFile.parse(JSON.parse(readFileSync(join(FOLDER, 'clients.json'), 'utf8'))).clients;
}

/** The service in the conformance profile: https and the registered clients of the suite. */
export interface Suite {
  service: TestService;
  issuer: string;
  metadata: Record<string, unknown>;
  time: FrozenTime;
  /** Returns a client by its name in the plan file. */
  party(plan: string, name: 'client' | 'client2' | 'client_secret_post'): Promise<TestParty>;
  registration(clientId: string): ClientList[number];
  stop(): Promise<void>;
}

/** @param change of values that are known at run time only, such as the URI of a logout receiver */
export async function startSuite(change: (clients: ClientList) => ClientList = (same) => same): Promise<Suite> {
  const time = freezeTime();
  const certificate = createTrustedCertificate();
  const clients = change(readRegistrations());
  const service = await startService({
    clients,
    city: false,
    tls: certificate,
    env: { KINPASS_PROFILE: 'conformance' },
  });
  const { issuer } = service;
  const discovery = await fetch(`${issuer}/.well-known/openid-configuration`);
  const entitlements = (clientId: string): ClientList[number] => {
    const found = clients.find(({ client_id: id }) => id === clientId);
    assert.ok(found, `${clientId} is not registered`);
    return found;
  };
  return {
    service,
    issuer,
    metadata: z.record(z.string(), z.unknown()).parse(await discovery.json()),
    time,
    registration: entitlements,
    party: (plan, name) => {
      const { alias, [name]: client } = readPlan(plan);
      assert.ok(client?.client_secret, `${plan} has no ${name} with a secret`);
      const redirectUri = entitlements(client.client_id).redirect_uris.find((uri) => uri.includes(`/${alias}/`));
      assert.ok(redirectUri, `${client.client_id} has no address for ${alias}`);
      return createParty(issuer, {
        ...{ id: client.client_id, scope: 'openid', redirectUri, secret: client.client_secret },
      });
    },
    stop: async () => {
      await service.stop();
      certificate.remove();
      time.release();
    },
  };
}

/** Changes of an authorization request; `undefined` leaves a parameter out. */
export type Changes = Record<string, string | undefined>;

export interface Flow {
  httpBrowser: HttpBrowser;
  /** The parameters that were sent. */
  sent: URLSearchParams;
  /** The first page of the service. */
  first: Answer;
  /** The response after the sign-in. */
  answer: Answer;
}

/** Returns an authorization request without PKCE, as the OpenID Connect Core plans of the suite send it. */
export async function requestOf(party: TestParty, changes: Changes = {}): Promise<URL> {
  const url = new URL((await party.begin()).url);
  const whole: Changes = { code_challenge: undefined, code_challenge_method: undefined, ...changes };
  for (const [name, value] of Object.entries(whole)) {
    if (value === undefined) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return url;
}

/** Fills in the sign-in form with the test person if the page has one, like the browser of the suite. */
export async function signIn(httpBrowser: HttpBrowser, page: Answer): Promise<Answer> {
  if (interactionOf(page) !== 'login') return page;
  return httpBrowser.submit(page, { login: TEST_LOGIN, password: TEST_PASSWORD });
}

export async function authorize(party: TestParty, changes: Changes = {}, httpBrowser?: HttpBrowser): Promise<Flow> {
  const browser = httpBrowser ?? createHttpBrowser(party.config.serverMetadata().issuer, 'en-US');
  const url = await requestOf(party, changes);
  const first = await browser.open(url.href);
  return { httpBrowser: browser, sent: url.searchParams, first, answer: await signIn(browser, first) };
}

/** The checked results of a flow. */
export interface CompletedFlow {
  flow: Flow;
  code: string;
  tokens: Reply;
  header: JWTHeaderParameters;
  claims: JWTPayload;
  user: Record<string, unknown>;
}

/** Runs a flow up to UserInfo with the checks that all modules of the suite share. */
export async function completeFlow(
  party: TestParty,
  changes: Changes = {},
  httpBrowser?: HttpBrowser,
): Promise<CompletedFlow> {
  const flow = await authorize(party, changes, httpBrowser);
  const code = checkResponse(party, flow);
  const tokens = await requestTokens(party, fieldsFor(party, code));
  const { header, claims } = await checkTokens(party, tokens, flow.sent.get('nonce') ?? undefined);
  const user = await userinfo(party, textIn(tokens, 'access_token'));
  assert.equal(user.status, 200);
  assert.equal(user.body['sub'], claims.sub);
  return { flow, code, tokens, header, claims, user: user.body };
}

export function fieldsFor(party: TestParty, code: string): Record<string, string> {
  return { grant_type: 'authorization_code', code, redirect_uri: party.redirectUri };
}

/** OpenID Connect Core 1.0, section 3.1.2.5, and RFC 9207. @returns the code */
function checkResponse(party: TestParty, { answer, sent }: Flow): string {
  const code = codeOf(answer);
  const { leavesTo } = answer;
  assert.ok(leavesTo);
  assert.ok(leavesTo.href.startsWith(`${party.redirectUri}?`));
  assert.deepEqual([...leavesTo.searchParams.keys()].sort(), ['code', 'iss', 'state']);
  assert.equal(leavesTo.searchParams.get('state'), sent.get('state'));
  assert.equal(leavesTo.searchParams.get('iss'), party.config.serverMetadata().issuer);
  // RFC 6749, section 10.10: at least 128 bits.
  assert.ok(code.length >= 22);
  return code;
}

/** OpenID Connect Core 1.0, sections 3.1.3.3 and 3.1.3.7. */
export async function checkTokens(
  party: TestParty,
  tokens: Reply,
  nonce: string | undefined,
): Promise<{ header: JWTHeaderParameters; claims: JWTPayload }> {
  const { issuer, jwks_uri: jwksUri = '' } = party.config.serverMetadata();
  assert.equal(tokens.headers.get('cache-control'), 'no-store');
  assert.match(tokens.headers.get('content-type') ?? '', /^application\/json/);
  assert.equal(typeof tokens.body['expires_in'], 'number');
  const { protectedHeader, payload } = await jwtVerify(
    textIn(tokens, 'id_token'),
    createRemoteJWKSet(new URL(jwksUri)),
    { issuer, audience: party.id, requiredClaims: ['sub', 'iat', 'exp', 'auth_time'] },
  );
  assert.equal(payload['nonce'], nonce);
  assert.ok(payload.sub !== undefined && payload.sub.length <= 255);
  // OpenID Connect Core 1.0, section 5.4: claims of scopes are in UserInfo.
  assert.equal(payload['name'] ?? payload['email'] ?? payload['address'] ?? payload['phone_number'], undefined);
  return { header: { ...protectedHeader, alg: protectedHeader.alg }, claims: payload };
}
