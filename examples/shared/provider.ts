/** The client of the sign-in service. No other file sends requests to it. */
import { setTimeout as pause } from 'node:timers/promises';
import { createRemoteJWKSet, type JWTVerifyGetKey } from 'jose';
import * as client from 'openid-client';
import { z } from 'zod';
import {
  claimsParameter,
  idTokenSchema,
  personSchema,
  type Acting,
  type RequestedActing,
  type Person,
} from './claims.ts';
import { isLoopback, type RelyingPartyConfig } from './config.ts';
import { createLogoutTokenVerifier, type LogoutRequest } from './logout-token.ts';

const SCOPE = 'openid profile roles children children.profile';
/** How long a page waits for a service that is starting, and the pause between attempts. */
const REQUEST_TIMEOUT_MS = 8_000;
const DISCOVERY_RETRY_MS = 400;

/** The service cannot be reached. The request can be repeated. */
export class ProviderUnavailableError extends Error {
  override name = 'ProviderUnavailable';
}

/** The sign-in ended without a session. `reason` is the OAuth error code, or `invalid_response`. */
export class SignInRefusedError extends Error {
  override name = 'SignInRefusedError';
  readonly reason: string;
  /** The `error_description` of the service. */
  readonly description: string;
  constructor(reason: string, { description = '', ...options }: ErrorOptions & { description?: string } = {}) {
    super(`sign-in refused: ${reason}`, options);
    this.reason = reason;
    this.description = description;
  }
}

export interface SignInRequest {
  /** Path in this app to return to. */
  returnTo?: string | undefined;
  acting?: RequestedActing | undefined;
  prompt?: 'none' | 'login' | 'select_account' | undefined;
  /** Maximum age of the sign-in, in seconds. */
  maxAge?: number | undefined;
  /** The language of the app (OpenID Connect Core 1.0, section 3.1.2.1). Without it, the service decides. */
  uiLocales?: string | undefined;
  /** Path below the home page of the context that the sign-in opens, for example `bills/lunch`. */
  openPath?: string | undefined;
  /** The context that this request renews, see request-context.ts. */
  renews?: string | undefined;
}

/** An authorization request in progress. Stored in the session of the browser that started it. */
export interface Pending extends SignInRequest {
  state: string;
  nonce: string;
  verifier: string;
}

/** The result of a finished sign-in. */
export interface SignedIn {
  acting: Acting | undefined;
  person: Person;
  sub: string;
  /** The session at the service; back-channel logout names it. */
  sid: string | undefined;
  idToken: string;
  accessToken: string;
  /** Milliseconds since 1970. */
  accessUntil: number;
  /** When the ID token was issued, in seconds since 1970. */
  issuedAt: number;
  /** When the person authenticated, in seconds since 1970. */
  authTime: number | undefined;
}

export interface Provider {
  start(request: SignInRequest): Promise<{ pending: Pending; url: URL }>;
  finish(pending: Pending, query: string): Promise<SignedIn>;
  readPerson(accessToken: string, sub: string): Promise<Person | undefined>;
  /** @param idToken undefined if the session has ended here: the service then asks without it */
  signOutUrl(idToken: string | undefined, uiLocales: string | undefined): Promise<URL>;
  verifyLogoutToken(token: string): Promise<LogoutRequest>;
}

interface Discovered {
  client: client.Configuration;
  keys: JWTVerifyGetKey;
}

interface ProviderDeps {
  config: RelyingPartyConfig;
  now: () => number;
  discovered: () => Promise<Discovered>;
}

async function discover(config: RelyingPartyConfig): Promise<Discovered> {
  const issuer = new URL(config.issuer);
  const metadata = { redirect_uris: [`${config.baseUrl}/callback`], [client.clockTolerance]: 10 };
  const found = await client.discovery(
    issuer,
    config.clientId,
    metadata,
    client.ClientSecretBasic(config.clientSecret),
    // config.ts allows http for loopback hosts only.
    { execute: isLoopback(issuer) ? [client.allowInsecureRequests] : [], timeout: 5 },
  );
  // Checks the signature of ID tokens too: TLS alone does not protect plain http.
  client.enableNonRepudiationChecks(found);
  const { jwks_uri } = found.serverMetadata();
  if (jwks_uri === undefined) throw new Error('the service publishes no keys');
  return { client: found, keys: createRemoteJWKSet(new URL(jwks_uri)) };
}

/** Runs discovery at the first use and caches a success. Concurrent callers share one attempt. */
function lazyDiscovery(config: RelyingPartyConfig): () => Promise<Discovered> {
  let attempt: Promise<Discovered> | undefined;
  const discoverWithRetry = async (): Promise<Discovered> => {
    const giveUpAt = Date.now() + REQUEST_TIMEOUT_MS;
    for (;;) {
      try {
        return await discover(config);
      } catch (error) {
        if (Date.now() > giveUpAt)
          throw new ProviderUnavailableError(`no discovery at ${config.issuer}`, { cause: error });
        await pause(DISCOVERY_RETRY_MS);
      }
    }
  };
  return () =>
    (attempt ??= discoverWithRetry().catch((error: unknown) => {
      attempt = undefined;
      throw error;
    }));
}

/** Returns the HTTP status of an error of openid-client. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof client.ResponseBodyError || error instanceof client.WWWAuthenticateChallengeError) {
    return error.status;
  }
  return error instanceof Error && error.cause instanceof Response ? error.cause.status : undefined;
}

function isOutage(error: unknown): boolean {
  const code = error instanceof client.ClientError ? error.code : undefined;
  const cause = error instanceof Error ? error.cause : undefined;
  return (
    code === 'OAUTH_TIMEOUT' || [error, cause].some((e) => e instanceof TypeError) || (statusOf(error) ?? 0) >= 500
  );
}

/** Maps errors of the callback to ProviderUnavailableError or SignInRefusedError. */
function explain(error: unknown): Error {
  if (error instanceof client.AuthorizationResponseError) {
    const { error: reason, error_description: description = '' } = error;
    return new SignInRefusedError(reason, { cause: error, description });
  }
  if (isOutage(error)) return new ProviderUnavailableError('the service does not answer', { cause: error });
  const reason = error instanceof client.ResponseBodyError ? error.error : 'invalid_response';
  return new SignInRefusedError(reason, { cause: error });
}

async function start(
  { config, discovered }: ProviderDeps,
  request: SignInRequest,
): Promise<{ pending: Pending; url: URL }> {
  const { client: oidc } = await discovered();
  const pending: Pending = {
    ...request,
    state: client.randomState(),
    nonce: client.randomNonce(),
    verifier: client.randomPKCECodeVerifier(),
  };
  const parameters = {
    redirect_uri: `${config.baseUrl}/callback`,
    scope: SCOPE,
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: await client.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: 'S256',
    ...(request.acting && { claims: claimsParameter(request.acting) }),
    ...(request.prompt && { prompt: request.prompt }),
    ...(request.uiLocales && { ui_locales: request.uiLocales }),
    ...(request.maxAge !== undefined && { max_age: String(request.maxAge) }),
  };
  return { pending, url: client.buildAuthorizationUrl(oidc, parameters) };
}

/** Returns UserInfo. `undefined` if the service no longer accepts the token. */
async function readPerson({ discovered }: ProviderDeps, accessToken: string, sub: string): Promise<Person | undefined> {
  const { client: oidc } = await discovered();
  try {
    return personSchema.parse(await client.fetchUserInfo(oidc, accessToken, sub));
  } catch (error) {
    if ([401, 403].includes(statusOf(error) ?? 0)) return undefined;
    throw error instanceof z.ZodError ? error : explain(error);
  }
}

async function finish(deps: ProviderDeps, pending: Pending, query: string): Promise<SignedIn> {
  const { client: oidc } = await deps.discovered();
  const tokens = await client
    .authorizationCodeGrant(oidc, new URL(`${deps.config.baseUrl}/callback?${query}`), {
      pkceCodeVerifier: pending.verifier,
      expectedState: pending.state,
      expectedNonce: pending.nonce,
      ...(pending.maxAge !== undefined && { maxAge: pending.maxAge }),
    })
    .catch((error: unknown) => {
      throw explain(error);
    });
  const claims = idTokenSchema.parse(tokens.claims());
  const person = await readPerson(deps, tokens.access_token, claims.sub);
  if (person === undefined || tokens.id_token === undefined) throw new SignInRefusedError('invalid_response');
  return {
    acting: claims.acting,
    person,
    sub: claims.sub,
    sid: claims.sid,
    idToken: tokens.id_token,
    accessToken: tokens.access_token,
    accessUntil: deps.now() + (tokens.expiresIn() ?? 0) * 1000,
    issuedAt: claims.iat,
    authTime: claims.auth_time,
  };
}

async function signOutUrl(
  { config, discovered }: ProviderDeps,
  idToken: string | undefined,
  uiLocales: string | undefined,
): Promise<URL> {
  const { client: oidc } = await discovered();
  return client.buildEndSessionUrl(oidc, {
    ...(idToken && { id_token_hint: idToken }),
    post_logout_redirect_uri: `${config.baseUrl}/`,
    ...(uiLocales && { ui_locales: uiLocales }),
  });
}

/**
 * The client side of OpenID Connect: code flow with PKCE, `state` and `nonce` (RFC 9700), UserInfo, logout.
 * Every function throws ProviderUnavailableError when the service cannot be reached; `finish` also throws SignInRefusedError.
 *
 * @param now the present in milliseconds since 1970
 */
export function createProvider(config: RelyingPartyConfig, now: () => number): Provider {
  const discovered = lazyDiscovery(config);
  const deps: ProviderDeps = { config, now, discovered };
  return {
    start: (request) => start(deps, request),
    finish: (pending, query) => finish(deps, pending, query),
    readPerson: (accessToken, sub) => readPerson(deps, accessToken, sub),
    signOutUrl: (idToken, uiLocales) => signOutUrl(deps, idToken, uiLocales),
    verifyLogoutToken: createLogoutTokenVerifier({
      issuer: config.issuer,
      clientId: config.clientId,
      keys: async (header, token) => (await discovered()).keys(header, token),
      now,
    }),
  };
}
