import type { Context } from 'koa';
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import type { AnonymousEndpoint } from '../domain/throttling/request-rates.ts';
import { hashId } from '../platform/crypto/secrets.ts';
import { RateLimitedError } from '../platform/errors.ts';
import { ACCOUNT_CLIENT_ID } from '../services/access/client-registry.ts';
import type { RequestRateLimiter } from '../services/access/request-rate-limiter.ts';
import type { KnownDevices } from '../services/authentication/known-devices.ts';
import { cookieNames } from './options/cookies.ts';

/*
 * The limits of an authorization request, which is stored: at /auth with an interaction or a grant, at /request and at /device/auth. Parameters that the provider does not know are not stored. docs/integrators.md lists the limits.
 */

/** In characters. */
const MAX_LENGTHS: Readonly<Record<string, number>> = {
  claims: 4_096,
  // An ID token of ours with the most claims has about 2,000.
  id_token_hint: 8_192,
  // The longest e-mail address has 254 (RFC 5321, 4.5.3.1.3).
  login_hint: 320,
  nonce: 512,
  redirect_uri: 2_048,
  resource: 2_048,
  scope: 2_048,
  state: 2_048,
};

/** In characters: `acr_values`, `code_challenge`, `prompt`, `ui_locales` and all others. */
const MAX_OTHER_LENGTH = 512;

const MAX_RESOURCES = 8;

/** Of all parameters together, in bytes. Sealed they take a third more, and the prompt repeats the hints. */
const MAX_REQUEST_BYTES = 12_288;

/** Largest body at the endpoints that take a request from a program, in bytes: all parameters, encoded, and the client authentication. */
export const MAX_BODY_BYTES = 16_384;

/**
 * Checks a request that is otherwise valid.
 *
 * @throws {errors.InvalidRequest} when it is too large
 * @throws {errors.UnauthorizedClient} when the client may not use the endpoint
 * @throws {RateLimitedError} when its network, client or signed-in person sends too many
 */
export type RequestCheck = (ctx: KoaContextWithOIDC) => void;

interface RateDeps {
  rateLimiter: RequestRateLimiter;
  knownDevices: Pick<KnownDevices, 'findDeviceId'>;
}

/** The provider calls the validators of additional parameters last, just before it stores the request. This parameter means nothing. */
export const REQUEST_CHECK = 'kinpass_request';

export function createRequestCheck(deps: RateDeps): RequestCheck {
  const admitted = new WeakSet();
  return (ctx) => {
    const params = ctx.oidc.params ?? {};
    Reflect.deleteProperty(params, REQUEST_CHECK);
    rejectBuiltInClient(ctx);
    rejectLargeRequest(params);
    // A pushed request with a DPoP proof comes here twice.
    if (admitted.has(ctx.req)) return;
    admitted.add(ctx.req);
    try {
      admit(deps, ctx);
    } catch (error) {
      if (error instanceof RateLimitedError) ctx.set('retry-after', String(error.retryAfterSeconds));
      throw error;
    }
  };
}

/**
 * Counts an interaction that is begun without a sign-in: on the device, when somebody has signed in on it before, otherwise on the
 * networks of the address.
 *
 * @throws {RateLimitedError}
 */
export function admitInteraction({ rateLimiter, knownDevices }: RateDeps, ctx: Context): void {
  const device = knownDevices.findDeviceId(ctx.cookies.get(cookieNames(ctx.secure).device, { signed: false }));
  if (device !== undefined && rateLimiter.admitDevice('authorization', device)) return;
  rateLimiter.admitNetwork('authorization', ctx.ip);
}

/**
 * Refunds what `admit` charged to a network: an interaction that began without a sign-in and ended with one, and the pushed request of a
 * public client that was used. Confidential clients get no refund.
 */
export function releaseCompletedRequests(provider: Provider, rates: RequestRateLimiter): void {
  provider.on('interaction.ended', ({ ip, oidc }) => {
    const { route, entities, result } = oidc;
    const wasCharged = route === 'resume' && entities.Interaction?.session === undefined;
    if (wasCharged && result?.login !== undefined) rates.releaseNetwork('authorization', ip);
  });
  provider.on('authorization.success', ({ ip, oidc }) => {
    const { client, entities } = oidc;
    if (client?.clientAuthMethod !== 'none') return;
    const ofInteraction: unknown = Reflect.get(entities.Interaction ?? {}, 'parJti');
    const wasPushed = entities.PushedAuthorizationRequest !== undefined || ofInteraction !== undefined;
    if (wasPushed) rates.releaseNetwork('pushed_authorization_request', ip);
  });
}

/** The account pages sign in at /auth, and their client has no secret: anybody could store requests in its name. */
function rejectBuiltInClient({ oidc }: KoaContextWithOIDC): void {
  if (oidc.route === 'pushed_authorization_request' && oidc.client?.clientId === ACCOUNT_CLIENT_ID) {
    throw new errors.UnauthorizedClient('this client may not push authorization requests');
  }
}

function rejectLargeRequest(params: Readonly<Record<string, unknown>>): void {
  let bytes = 0;
  for (const [name, value] of Object.entries(params)) {
    const values = [value].flat().filter((one) => typeof one === 'string');
    if (name === 'resource' && values.length > MAX_RESOURCES) {
      throw new errors.InvalidRequest(`resource must be given at most ${String(MAX_RESOURCES)} times`);
    }
    const limit = MAX_LENGTHS[name] ?? MAX_OTHER_LENGTH;
    if (values.some((one) => one.length > limit)) throw tooLong(name, limit);
    bytes += values.reduce((sum, one) => sum + Buffer.byteLength(one), 0);
  }
  if (bytes > MAX_REQUEST_BYTES) {
    throw new errors.InvalidRequest(`all parameters together must be at most ${String(MAX_REQUEST_BYTES)} bytes`);
  }
}

function tooLong(name: string, limit: number): errors.InvalidRequest {
  const error = new errors.InvalidRequest(`${name} must be at most ${String(limit)} characters`);
  // The answer to the app would repeat it.
  if (name === 'state') error.allow_redirect = false;
  return error;
}

function admit(deps: RateDeps, ctx: KoaContextWithOIDC): void {
  const { rateLimiter } = deps;
  const { route, client, session, prompts } = ctx.oidc;
  if (route === 'authorization') {
    const personId = session?.accountId;
    if (session !== undefined && personId !== undefined) {
      rateLimiter.admitPerson('authorization', { personId, sessionHash: hashId(session.uid) });
    } else if (!prompts.has('none')) {
      // Without a sign-in `prompt=none` stores nothing.
      admitInteraction(deps, ctx);
    }
    return;
  }
  const endpoint: AnonymousEndpoint | undefined = API_ENDPOINTS.find((one) => one === route);
  if (endpoint === undefined || client === undefined) return;
  if (client.clientAuthMethod === 'none') rateLimiter.admitNetwork(endpoint, ctx.ip);
  else rateLimiter.admitClient(endpoint, client.clientId);
}

const API_ENDPOINTS = ['pushed_authorization_request', 'device_authorization'] as const;
