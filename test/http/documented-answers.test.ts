/** The claims in docs/integrators.md and the errors in docs/errors.md equal the answers of the service. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';

import { decodeJwt } from 'jose';

import { SCOPE_CLAIMS } from '../../src/domain/claims/scopes.ts';
import {
  cancelSignIn,
  codeOf,
  idClaims,
  LOGIN,
  redeem,
  refresh,
  requestTokens,
  runAuthorization,
  signInWithNewBrowser,
  userinfo,
  type AuthorizationInput,
  type AuthorizationResult,
} from '../helpers/authorization-flow.ts';
import { personId } from '../helpers/city.ts';
import { assertErrorTable, namesIn, rowsAfter } from '../helpers/document-tables.ts';
import { newProofKey, signProof, type ProofKey } from '../helpers/dpop.ts';
import { buildRequest, failureIn, failureOf, postForFailure, type Changes, type Failure } from '../helpers/failures.ts';
import { freezeTime, MINUTE, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, type HttpBrowser } from '../helpers/http-browser.ts';
import { stopSharing } from '../helpers/people.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { signInToSchool } from '../helpers/school-account.ts';
import { startService, type TestService } from '../helpers/service.ts';

const API = 'https://api.errors.example/';
const S4_AT_993301 = { school: '993301', account: 'P11330003' };
const OWN_SCHEME = 'org.phone.example:/callback';
const SCOPES = ['openid', 'profile', 'email', 'phone', 'roles', 'children', 'children.profile'];
const PUBLIC = { token_endpoint_auth_method: 'none', client_secret_sha256: [] };
const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const secret = newSecret();
let service: TestService;
let time: FrozenTime;
let keyServer: Server;
let key: ProofKey;
let parties: Record<'all' | 'web' | 'phone' | 'vendor' | 'bound', TestParty>;

before(async () => {
  key = await newProofKey();
  keyServer = createServer(({ url }, response) => {
    response.writeHead(url === '/keys' ? 200 : 503);
    response.end(JSON.stringify({ keys: [{ ...key.jwk, kid: 'one' }] }));
  }).listen(0, '127.0.0.1');
  await once(keyServer, 'listening');
  const keys = `http://127.0.0.1:${String((keyServer.address() as AddressInfo).port)}`;
  const signer = { token_endpoint_auth_method: 'private_key_jwt', client_secret_sha256: [], scopes: ['openid'] };
  time = freezeTime();
  service = await startService({
    clients: [
      createRegistration('all', secret, { scopes: SCOPES, resources: [API], permissions: ['portfolio:read'] }),
      createRegistration('web', secret, { ...PUBLIC, scopes: ['openid', 'offline_access'] }),
      createRegistration('phone', secret, {
        ...PUBLIC,
        application_type: 'native',
        scopes: ['openid'],
        redirect_uris: [OWN_SCHEME],
      }),
      createRegistration('vendor', secret, { scopes: ['openid'], first_party: false }),
      createRegistration('bound', secret, { scopes: ['openid'], dpop_bound_access_tokens: true }),
      createRegistration('signer', secret, { ...signer, jwks_uri: `${keys}/keys` }),
      createRegistration('lost', secret, { ...signer, jwks_uri: `${keys}/none` }),
    ],
    resourceServers: [{ identifier: API, scopes: { 'notices.read': '讀取通知' } }],
  });
  const { issuer } = service;
  const scope = 'openid';
  parties = {
    all: await createParty(issuer, { id: 'all', scope: SCOPES.join(' '), secret }),
    web: await createParty(issuer, { id: 'web', scope }),
    phone: await createParty(issuer, { id: 'phone', scope, redirectUri: OWN_SCHEME }),
    vendor: await createParty(issuer, { id: 'vendor', scope, secret }),
    bound: await createParty(issuer, { id: 'bound', scope, secret }),
  };
});
after(async () => {
  time.release();
  await service.stop();
  keyServer.close();
});

describe('the table of claims in docs/integrators.md', () => {
  type Place = 'usual' | 'asked' | 'info' | 'api';

  /** Reads the names of the claims of a person in each token. */
  async function readNames(entry: AuthorizationInput): Promise<Record<Place, string[]>> {
    const wanted = Object.values(SCOPE_CLAIMS).flat();
    const all = { id_token: Object.fromEntries(wanted.map((name) => [name, null])) };
    const usual = await signInWithNewBrowser(parties.all, entry);
    const asked = await signInWithNewBrowser(parties.all, { ...entry, parameters: { claims: JSON.stringify(all) } });
    const parameters = { resource: API, scope: [...SCOPES, 'notices.read'].join(' ') };
    const entered = await runAuthorization(parties.all, createHttpBrowser(service.issuer), { ...entry, parameters });
    const forApi = await entered.finish(entered.answer, { parameters: { resource: API } });
    return {
      usual: Object.keys(idClaims(usual.tokens)),
      asked: Object.keys(idClaims(asked.tokens)),
      info: Object.keys((await userinfo(parties.all, usual.tokens.access_token)).body),
      api: Object.keys(decodeJwt(forApi.access_token)),
    };
  }

  it('says where each claim is, also with the claims parameter', async () => {
    const people = [await readNames({ login: LOGIN.G2, choice: ['王小安'] }), await readNames({ login: LOGIN.T2 })];
    const has = (place: Place, name: string): boolean => people.some((names) => names[place].includes(name));
    const rows = rowsAfter('integrators.md', '- Where each claim is:');
    for (const [cell = '', ...expected] of rows) {
      for (const name of namesIn(cell)) {
        const inIdToken = has('asked', name) ? 'with the `claims` parameter' : 'no';
        assert.deepEqual(
          [has('usual', name) ? 'yes' : inIdToken, has('info', name) ? 'yes' : 'no', has('api', name) ? 'yes' : 'no'],
          expected,
          name,
        );
      }
    }
    const listed = new Set(rows.flatMap(([cell = '']) => namesIn(cell)));
    assert.deepEqual(listed, new Set([...Object.values(SCOPE_CLAIMS).flat(), 'acr', 'amr', 'auth_time', 'sid']));
  });
});

const visit = (): HttpBrowser => createHttpBrowser(service.issuer);
const authorize = async (party: TestParty, changes: Changes, httpBrowser = visit()): Promise<Failure> =>
  failureIn(await httpBrowser.open((await buildRequest(party, changes)).href));

const post = (path: string, fields: URLSearchParams, headers?: Record<string, string>): Promise<Failure> =>
  postForFailure(service.issuer + path, fields, headers);

async function push(changes: Changes): Promise<Failure> {
  const { searchParams } = await buildRequest(parties.all, changes);
  return post('/request', searchParams, {
    authorization: `Basic ${Buffer.from(`all:${secret}`).toString('base64')}`,
  });
}

const signIn = (party: TestParty): Promise<AuthorizationResult> =>
  runAuthorization(party, visit(), { login: LOGIN.T2 });

/** Signs in, and redeems the code with a changed token request. */
async function exchange(
  party: TestParty,
  changes: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Failure> {
  const { answer, verifier } = await signIn(party);
  const fields = {
    grant_type: 'authorization_code',
    code: codeOf(answer),
    redirect_uri: party.redirectUri,
    code_verifier: verifier,
  };
  return failureOf(await requestTokens(party, { ...fields, ...changes }, headers));
}

const seconds = (): number => Math.floor(Date.now() / 1000);
const proof = async (claims: Record<string, unknown> = {}): Promise<Record<string, string>> => ({
  dpop: await signProof(key, { method: 'POST', url: `${service.issuer}/token`, claims }),
});

/** Authenticates with an assertion. */
async function assertAs(id: string, claims: Record<string, unknown> = {}, kid = 'one'): Promise<Failure> {
  const payload = { iss: id, sub: id, aud: service.issuer, jti: randomUUID(), exp: seconds() + 60 };
  const assertion = await signProof(key, {
    method: '',
    url: '',
    claims: { ...payload, ...claims },
    header: { typ: 'JWT', jwk: undefined, kid },
  });
  return post(
    '/token',
    new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: 'invented',
      client_assertion: assertion,
      client_assertion_type: ASSERTION,
    }),
  );
}

const NO_PKCE = { code_challenge: undefined, code_challenge_method: undefined };
const SILENT = { prompt: 'none' };

describe('the tables of errors in docs/errors.md', () => {
  let teacher: HttpBrowser;
  let parent: HttpBrowser;
  let stopped: HttpBrowser;
  before(async () => {
    [teacher, parent, stopped] = [visit(), visit(), visit()];
    await runAuthorization(parties.bound, teacher, { login: LOGIN.T2 });
    await runAuthorization(parties.bound, parent, { login: LOGIN.G2 });
    await runAuthorization(parties.bound, stopped, { login: LOGIN.T1 });
  });

  it('have the answers of /auth and /request', async () => {
    const { all, web, phone, vendor } = parties;
    const level = { id_token: { acr: { essential: true, value: 'unknown' } } };
    await assertErrorTable('## Authorization requests', {
      'another redirect_uri': [() => push({ redirect_uri: 'https://all.example/callback/' })],
      'no PKCE of a public client': [() => authorize(web, NO_PKCE)],
      'neither PKCE nor nonce': [() => authorize(all, { ...NO_PKCE, nonce: undefined })],
      'PKCE in plain text': [() => authorize(all, { code_challenge_method: 'plain' })],
      'PKCE without a method': [() => authorize(all, { code_challenge_method: undefined })],
      'no openid': [
        () => authorize(all, { scope: 'profile' }),
        () => authorize(all, { scope: undefined }),
        () => push({ scope: 'profile' }),
      ],
      'another scope': [() => authorize(web, { scope: 'openid email' })],
      'another API': [
        () => authorize(web, { resource: API }),
        () => authorize(all, { resource: 'https://api.errors.example' }),
      ],
      'another response type': [() => push({ response_type: 'token' })],
      'no session': [() => authorize(all, SILENT)],
      'no consent': [() => authorize(vendor, SILENT, teacher)],
      'a scheme of its own': [() => authorize(phone, SILENT, teacher)],
      'no context': [() => authorize(all, SILENT, parent)],
      'an unknown level': [() => authorize(all, { claims: JSON.stringify(level) }, teacher)],
      'a denial': [
        async () => {
          const { answer } = await runAuthorization(vendor, teacher);
          return failureIn(await teacher.submit(answer, { consent: 'deny' }));
        },
      ],
      'a cancellation': [async () => failureIn(await cancelSignIn(visit(), (await web.begin()).url))],
      'a school account': [async () => authorize(all, SILENT, await signInToSchool(service, 'H4', S4_AT_993301))],
      'sharing that was stopped': [
        async () => {
          await stopSharing(service, personId('T1'));
          return authorize(all, SILENT, stopped);
        },
      ],
    });
  });

  it('have the answers to a failed client authentication', async () => {
    const { all } = parties;
    await assertErrorTable('## Client authentication', {
      nothing: [() => post('/token', new URLSearchParams({ grant_type: 'refresh_token' }))],
      'a wrong one': [
        async () => failureOf(await refresh({ ...all, secret: 'wrong' }, 'invented')),
        async () => failureOf(await refresh({ ...all, id: 'unknown' }, 'invented')),
        async () => failureOf(await refresh({ ...all, secret: undefined }, 'invented')),
        () => assertAs('signer', { aud: 'https://other.example' }),
      ],
      'no keys': [() => assertAs('lost')],
      'an unknown kid': [() => assertAs('signer', {}, 'two')],
      'a distant end': [() => assertAs('signer', { exp: seconds() + 7_200 })],
      'a future start': [() => assertAs('signer', { iat: seconds() + 90 })],
    });
  });

  it('have the answers of /token, and each cause of invalid_grant', async () => {
    const { all, web, bound } = parties;
    await assertErrorTable('## Token requests', {
      'an invalid grant': [
        async () => {
          const entered = await signIn(all);
          assert.equal((await redeem(all, entered)).status, 200);
          return failureOf(await redeem(all, entered));
        },
        async () => {
          const entered = await signIn(all);
          time.advance(MINUTE + 1_000);
          return failureOf(await redeem(all, entered));
        },
        () => exchange(all, { redirect_uri: 'https://all.example/other' }),
        () => exchange(all, { code_verifier: 'x'.repeat(43) }),
        () => exchange(all, { code_verifier: '' }),
        async () => failureOf(await redeem(bound, await signIn(all))),
        async () => failureOf(await refresh(web, 'invented')),
        () => exchange(bound, {}),
        async () => {
          const headers = await proof();
          assert.deepEqual(await exchange(bound, {}, headers), [undefined, undefined]);
          return exchange(bound, {}, headers);
        },
      ],
      'no redirect_uri': [() => exchange(all, { redirect_uri: '' })],
      'a short verifier': [() => exchange(all, { code_verifier: 'x' })],
      'another grant': [async () => failureOf(await refresh(all, 'invented'))],
      'an unknown grant': [async () => failureOf(await requestTokens(all, { grant_type: 'password' }))],
      'another API': [() => exchange(all, { resource: 'https://other.example/' })],
    });
  });

  it('have the answers to a DPoP proof', async () => {
    const { bound } = parties;
    const prove = async (claims: Record<string, unknown>): Promise<Failure> => exchange(bound, {}, await proof(claims));
    await assertErrorTable('## DPoP', {
      htu: [() => prove({ htu: `${service.issuer}/me` }), () => prove({ htu: 'https://other.example/token' })],
      htm: [() => prove({ htm: 'GET' })],
      'an old proof': [() => prove({ iat: seconds() - 301 })],
      'a future proof': [() => prove({ iat: seconds() + 90 })],
      nonce: [() => prove({ nonce: 'x' })],
      'no JWT': [() => exchange(bound, {}, { dpop: 'x' })],
    });
  });

  it('have the answer of /me', async () => {
    const { all } = parties;
    await assertErrorTable('## UserInfo', {
      'no access token': [
        async () => failureOf(await userinfo(all, 'invented')),
        async () => {
          const entered = await signIn(all);
          return failureOf(await userinfo(all, (await entered.finish(entered.answer)).id_token ?? ''));
        },
      ],
    });
  });
});
