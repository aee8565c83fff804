import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';

import { importJWK, SignJWT } from 'jose';
import { calculatePKCECodeChallenge } from 'openid-client';
import { z } from 'zod';

import { codeOf, textIn, type Reply } from './authorization-flow.ts';
import { readPlan, signIn, type Changes, type Suite } from './conformance.ts';
import { newProofKey, signProof, type ProofKey } from './dpop.ts';
import { createHttpBrowser, type Answer, type HttpBrowser } from './http-browser.ts';

const PLAN = 'fapi2-security-profile-final-test-plan';
const VERIFIER = 'v'.repeat(64);
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

const key = z.looseObject({ kty: z.string(), kid: z.string(), alg: z.string() });
const planFile = z.looseObject({ client_id: z.string(), scope: z.string(), jwks: z.object({ keys: z.tuple([key]) }) });
const body = z.record(z.string(), z.unknown());

/** Claims to change; `undefined` removes a claim. */
export type Claims = Record<string, unknown>;

export interface ProofChanges {
  key?: ProofKey;
  claims?: Claims;
  header?: Claims;
}

/** Replacements of the client assertion and the DPoP proof; `undefined` omits them. */
export interface SendOptions {
  assertion?: string | undefined;
  proof?: string | undefined;
}

/** A client of the FAPI 2.0 plan (private_key_jwt, PAR, PKCE, DPoP). Its requests are valid except for the given changes. */
export interface FapiClient {
  id: string;
  scope: string;
  redirectUri: string;
  proofKey: ProofKey;
  assertion(claims?: Claims, alg?: string): Promise<string>;
  proof(method: string, url: string, changes?: ProofChanges): Promise<string>;
  push(changes?: Changes, options?: SendOptions): Promise<Reply>;
  /** Opens a pushed request in a browser and signs in. @returns the last response */
  open(requestUri: string, changes?: Changes, httpBrowser?: HttpBrowser): Promise<Answer>;
  /** Runs a valid flow. @returns its code */
  code(changes?: Changes, options?: SendOptions): Promise<string>;
  token(fields: Changes, options?: SendOptions): Promise<Reply>;
  redeem(code: string, changes?: Changes, options?: SendOptions): Promise<Reply>;
  userinfo(token: string, proof: string | undefined, scheme?: string): Promise<Reply>;
}

export async function createFapiClient(suite: Suite, name: 'client' | 'client2'): Promise<FapiClient> {
  const { issuer, metadata } = suite;
  const endpoint = (of: string): string => z.string().parse(metadata[`${of}_endpoint`]);
  const { client_id: id, scope, jwks } = planFile.parse(readPlan(PLAN)[name]);
  const [jwk] = jwks.keys;
  const redirectUri = suite.registration(id).redirect_uris[0] ?? '';
  const proofKey = await newProofKey();
  const now = (): number => Math.floor(Date.now() / 1000);

  const assertion: FapiClient['assertion'] = async (claims = {}, alg = jwk.alg) => {
    const usual = { iss: id, sub: id, aud: issuer, jti: randomUUID(), iat: now(), nbf: now(), exp: now() + 60 };
    return new SignJWT({ ...usual, ...claims })
      .setProtectedHeader({ alg, kid: jwk.kid })
      .sign(await importJWK({ ...jwk, alg }, alg));
  };
  const proof: FapiClient['proof'] = (method, url, { key: other = proofKey, claims = {}, header = {} } = {}) =>
    signProof(other, { method, url, claims, header });
  const post = async (url: string, fields: Changes, proven: string | undefined): Promise<Reply> => {
    const sent = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined);
    return read(
      await fetch(url, {
        method: 'POST',
        body: new URLSearchParams(sent),
        headers: proven === undefined ? {} : { dpop: proven },
      }),
    );
  };
  const signed = async (fields: Changes, options: SendOptions): Promise<Changes> => {
    const given = 'assertion' in options ? options.assertion : await assertion();
    const type = given === undefined ? undefined : ASSERTION_TYPE;
    return { client_id: id, client_assertion: given, client_assertion_type: type, ...fields };
  };
  const push: FapiClient['push'] = async (changes = {}, options = {}) => {
    const request: Changes = {
      ...{
        response_type: 'code',
        redirect_uri: redirectUri,
        scope: 'openid',
        state: randomUUID(),
        nonce: randomUUID(),
      },
      ...{ code_challenge: await calculatePKCECodeChallenge(VERIFIER), code_challenge_method: 'S256' },
      ...changes,
    };
    return post(endpoint('pushed_authorization_request'), await signed(request, options), options.proof);
  };
  const open: FapiClient['open'] = async (
    requestUri,
    changes = {},
    httpBrowser = createHttpBrowser(issuer, 'en-US'),
  ) => {
    const url = new URL(endpoint('authorization'));
    const whole: Changes = { client_id: id, request_uri: requestUri, ...changes };
    for (const [field, value] of Object.entries(whole)) if (value !== undefined) url.searchParams.set(field, value);
    return signIn(httpBrowser, await httpBrowser.open(url.href));
  };
  const token: FapiClient['token'] = async (fields, options = {}) => {
    const url = endpoint('token');
    const proven = 'proof' in options ? options.proof : await proof('POST', url);
    return post(url, await signed(fields, options), proven);
  };
  return {
    ...{ id, scope, redirectUri, proofKey, assertion, proof, push, open, token },
    code: async (changes, options) => codeOf(await open(requestUriOf(await push(changes, options)))),
    redeem: (code, changes = {}, options = {}) => {
      const grant = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: VERIFIER };
      return token({ ...grant, ...changes }, options);
    },
    userinfo: async (accessToken, proven, scheme = 'DPoP') =>
      read(
        await fetch(endpoint('userinfo'), {
          headers: { authorization: `${scheme} ${accessToken}`, ...(proven === undefined ? {} : { dpop: proven }) },
        }),
      ),
  };
}

async function read(response: Response): Promise<Reply> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: response.status, headers: response.headers, body: isJson ? body.parse(JSON.parse(text)) : {} };
}

export function requestUriOf({ status, body: pushed }: Reply): string {
  assert.equal(status, 201, JSON.stringify(pushed));
  return z.string().startsWith('urn:ietf:params:oauth:request_uri:').parse(pushed['request_uri']);
}

/** Returns `ath`, the hash of a token in its proof (RFC 9449, section 4.2). */
export function hashOf(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest('base64url');
}

export function accessTokenIn(reply: Reply): string {
  assert.equal(reply.body['token_type'], 'DPoP');
  return textIn(reply, 'access_token');
}

/** Asserts an error response that contains no token and no request_uri. */
export function assertError({ status, body: answer }: Reply, error: string, expected = 400): void {
  assert.deepEqual([status, answer['error']], [expected, error], JSON.stringify(answer));
  assert.equal(answer['access_token'] ?? answer['request_uri'], undefined);
}
