import type { Context } from 'koa';
import { errors, type Configuration, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import { z } from 'zod';
import type { AnonymousEndpoint } from '../domain/throttling/request-rates.ts';
import { hashId } from '../platform/crypto/secrets.ts';
import { RateLimitedError } from '../platform/errors.ts';
import { ACCOUNT_CLIENT_ID } from '../services/access/client-registry.ts';
import type { RequestRateLimiter } from '../services/access/request-rate-limiter.ts';
import type { KnownDevices } from '../services/authentication/known-devices.ts';
import { cookieNames } from './options/cookies.ts';

/*
 * The limits of authorization requests and refreshes. Each request is stored: at /auth with an interaction or a grant, at /request, at
 * /device/auth, and a refresh with its tokens. Unknown parameters are not stored. docs/integrators.md lists the limits.
 */

/** In characters. */
const MAX_LENGTHS: Readonly<Record<string, number>> = {
  claims: 4_096,
  // The longest ID token of the service has about 2,000.
  id_token_hint: 8_192,
  // The longest e-mail address has 254 (RFC 5321, 4.5.3.1.3).
  login_hint: 320,
  nonce: 512,
  redirect_uri: 2_048,
  resource: 2_048,
  scope: 2_048,
  state: 2_048,
};

/** In characters, for all other parameters: `acr_values`, `code_challenge`, `prompt`, `ui_locales`. */
const MAX_OTHER_LENGTH = 512;

const MAX_RESOURCES = 8;

/** All parameters together, in bytes. Encryption adds a third, and the interaction repeats the hints. */
const MAX_REQUEST_BYTES = 12_288;

/** In bytes, for endpoints of API clients: all parameters in form encoding, and the client authentication. */
export const MAX_BODY_BYTES = 16_384;

/**
 * Checks a request that is otherwise valid.
 *
 * @throws {errors.InvalidRequest} if it is too large
 * @throws {errors.UnauthorizedClient} if the client may not use the endpoint
 * @throws {RateLimitedError} if its network, client or signed-in person sends too many requests
 */
export type RequestCheck = (ctx: KoaContextWithOIDC) => void;

interface RateDeps {
  rateLimiter: RequestRateLimiter;
  knownDevices: Pick<KnownDevices, 'findDeviceId'>;
}

/**
 * Name of an own parameter. The provider validates additional parameters last, before it stores the request. A client cannot send it. The
 * parameters of a pushed request and of an interaction hold the charged counters under it.
 */
export const REQUEST_CHECK = 'kinpass_request';

export function createRequestCheck(deps: RateDeps): RequestCheck {
  const admitted = new WeakSet();
  return (ctx) => {
    // The check runs twice for a pushed request with a DPoP proof.
    if (admitted.has(ctx.req)) return;
    admitted.add(ctx.req);
    const charges = takeCharges(ctx);
    rejectBuiltInClient(ctx);
    rejectLargeRequest(ctx.oidc.params ?? {});
    setRetryAfter(ctx, () => {
      storeCharges(ctx, { ...charges, ...admit(deps, ctx) });
    });
  };
}

/** Runs a check. Sets the header of a rejected request, because the provider sends only the body of an error. */
function setRetryAfter(ctx: Context, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (error instanceof RateLimitedError) ctx.set('retry-after', String(error.retryAfterSeconds));
    throw error;
  }
}

/**
 * Adds the limit of refreshes. The provider calls `rotateRefreshToken` after it has checked the token and its reuse, and before it consumes
 * the token, so a rejected refresh leaves the token valid. Refreshes without rotation count too: each stores an access token.
 */
export function limitRefreshes(
  configuration: Configuration,
  rateLimiter: Pick<RequestRateLimiter, 'admitRefresh'>,
): Configuration {
  const { rotateRefreshToken: rotate = true } = configuration;
  return {
    ...configuration,
    rotateRefreshToken: (ctx) => {
      const { Grant: grant, Account: account } = ctx.oidc.entities;
      if (grant === undefined || account === undefined) throw new Error('a refresh needs a grant and an account');
      setRetryAfter(ctx, () => {
        rateLimiter.admitRefresh({ grantHash: hashId(grant.jti), personId: account.accountId });
      });
      return typeof rotate === 'function' ? rotate(ctx) : rotate;
    },
  };
}

/**
 * Counts an interaction of an unauthenticated request: for the device, if a person has signed in on it before, otherwise for the networks
 * of the address.
 *
 * @returns the counter that was charged
 * @throws {RateLimitedError}
 */
export function admitInteraction({ rateLimiter, knownDevices }: RateDeps, ctx: Context): InteractionCharge {
  const address = ctx.ip;
  const deviceId = knownDevices.findDeviceId(ctx.cookies.get(cookieNames(ctx.secure).device, { signed: false }));
  if (deviceId !== undefined && rateLimiter.admitDevice('authorization', { deviceId, address })) {
    return { deviceId, address };
  }
  rateLimiter.admitNetwork('authorization', address);
  return { address };
}

const interactionCharge = z.object({ deviceId: z.string().optional(), address: z.string() });
/** The counter of an interaction: the known device, or without one the networks of the address. */
type InteractionCharge = z.infer<typeof interactionCharge>;

const requestCharges = z.object({
  /** Missing if a person was signed in. */
  interaction: interactionCharge.optional(),
  /** The address whose networks paid for a pushed request of a public client. */
  pushedFrom: z.string().optional(),
});
/** The counters that a request has charged. */
type Charges = z.infer<typeof requestCharges>;

/** Reads the charges in the parameters of a pushed request or of an interaction. */
function readCharges(params: Readonly<Record<string, unknown>> | undefined): Charges {
  const text = params?.[REQUEST_CHECK];
  return typeof text === 'string' ? requestCharges.parse(JSON.parse(text)) : {};
}

/** Removes the charges from the parameters. @returns those of a pushed request; a client may have sent others */
function takeCharges({ oidc }: KoaContextWithOIDC): Charges {
  const charges = oidc.entities.PushedAuthorizationRequest === undefined ? {} : readCharges(oidc.params);
  Reflect.deleteProperty(oidc.params ?? {}, REQUEST_CHECK);
  return charges;
}

/** Stores the charges with the request. */
function storeCharges({ oidc }: KoaContextWithOIDC, charges: Charges): void {
  if (Object.keys(charges).length > 0) Object.assign(oidc.params ?? {}, { [REQUEST_CHECK]: JSON.stringify(charges) });
}

function releaseInteraction(rates: RequestRateLimiter, { deviceId, address }: InteractionCharge): void {
  if (deviceId === undefined) rates.releaseNetwork('authorization', address);
  else rates.releaseDevice('authorization', { deviceId, address });
}

/**
 * Refunds the counters that `admit` charged: for an interaction that started without a session and ended with a sign-in, and for a used
 * pushed request of a public client. Confidential clients get no refund.
 */
export function releaseCompletedRequests(provider: Provider, rates: RequestRateLimiter): void {
  provider.on('interaction.ended', ({ oidc }) => {
    const { route, entities, result } = oidc;
    if (route !== 'resume' || entities.Interaction?.session !== undefined || result?.login === undefined) return;
    const { interaction } = readCharges(entities.Interaction?.params);
    if (interaction !== undefined) releaseInteraction(rates, interaction);
  });
  provider.on('authorization.success', ({ oidc }) => {
    const { pushedFrom } = readCharges(oidc.params);
    if (pushedFrom !== undefined) rates.releaseNetwork('pushed_authorization_request', pushedFrom);
  });
}

/** Rejects pushed requests for the client of the account pages: it has no secret, so anyone could store requests in its name. */
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
  // The error response to the app would repeat it.
  if (name === 'state') error.allow_redirect = false;
  return error;
}

/** Counts a request. @returns the counters that can be refunded */
function admit(deps: RateDeps, ctx: KoaContextWithOIDC): Charges {
  const { rateLimiter } = deps;
  const { route, client, session, prompts } = ctx.oidc;
  if (route === 'authorization') {
    const personId = session?.accountId;
    if (session !== undefined && personId !== undefined) {
      rateLimiter.admitPerson('authorization', { personId, sessionHash: hashId(session.uid) });
    } else if (!prompts.has('none')) {
      // Without a session `prompt=none` stores nothing.
      return { interaction: admitInteraction(deps, ctx) };
    }
    return {};
  }
  const endpoint: AnonymousEndpoint | undefined = API_ENDPOINTS.find((one) => one === route);
  if (endpoint === undefined || client === undefined) return {};
  if (client.clientAuthMethod !== 'none') {
    rateLimiter.admitClient(endpoint, client.clientId);
    return {};
  }
  rateLimiter.admitNetwork(endpoint, ctx.ip);
  return endpoint === 'pushed_authorization_request' ? { pushedFrom: ctx.ip } : {};
}

const API_ENDPOINTS = ['pushed_authorization_request', 'device_authorization'] as const;
