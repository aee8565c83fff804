import { createHash, randomBytes } from 'node:crypto';

import * as client from 'openid-client';

import type { Answer } from './http-browser.ts';

/** A client built on another library. It has no pages: no server listens at its redirect URI. */
export interface TestParty {
  id: string;
  secret: string | undefined;
  config: client.Configuration;
  redirectUri: string;
  /** Starts an authorization request; `finish` redeems its response. */
  begin(parameters?: Record<string, string>): Promise<Begun>;
}

export interface Begun {
  url: string;
  /** The PKCE verifier that `finish` sends. */
  verifier: string;
  finish(answer: Answer, more?: TokenRequest): Promise<Tokens>;
}

export interface TokenRequest {
  /** Binds the tokens to a key (RFC 9449). */
  dpop?: client.DPoPHandle;
  /** Additional parameters of the token request. */
  parameters?: Record<string, string>;
}

export type Tokens = client.TokenEndpointResponse & client.TokenEndpointResponseHelpers;

export interface PartyRegistration {
  id: string;
  scope: string;
  secret?: string;
  redirectUri?: string;
  /** Client authentication without a secret. Default: a public client. */
  auth?: client.ClientAuth;
}

export async function createParty(issuer: string, entitlements: PartyRegistration): Promise<TestParty> {
  const { id, scope, secret, redirectUri = `https://${id}.example/callback` } = entitlements;
  const config = await client.discovery(
    new URL(issuer),
    id,
    secret ?? { token_endpoint_auth_method: 'none' },
    secret === undefined ? (entitlements.auth ?? client.None()) : client.ClientSecretBasic(secret),
    { execute: [client.allowInsecureRequests] },
  );
  return {
    id,
    secret,
    config,
    redirectUri,
    begin: async (parameters = {}) => {
      const verifier = client.randomPKCECodeVerifier();
      const [state, nonce] = [client.randomState(), client.randomNonce()];
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope,
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...parameters,
      });
      return {
        url: url.href,
        verifier,
        finish: (answer, { dpop, parameters: more = {} } = {}) => {
          if (answer.leavesTo === undefined) throw new Error(`the service keeps the browser: ${answer.url}`);
          return client.authorizationCodeGrant(
            config,
            answer.leavesTo,
            { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true },
            more,
            dpop === undefined ? {} : { DPoP: dpop },
          );
        },
      };
    },
  };
}

/** Returns a registration as in KINPASS_CLIENTS_FILE for `createParty`. */
export function createRegistration(id: string, secret: string, more: object): object {
  return {
    client_id: id,
    client_name: { 'zh-TW': `測試 ${id}`, en: `Test ${id}` },
    client_uri: `https://${id}.example/`,
    client_secret_sha256: [createHash('sha256').update(secret).digest('hex')],
    redirect_uris: [`https://${id}.example/callback`],
    first_party: true,
    ...more,
  };
}

export function newSecret(): string {
  return randomBytes(24).toString('base64url');
}
