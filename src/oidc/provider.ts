import type { Context, Middleware } from 'koa';
import Provider, { errors, type Adapter, type Configuration } from 'oidc-provider';
import { isDirectoryOnly } from '../config/client-directory.ts';
import { ID_TOKEN_ALGORITHMS, listBrowserOrigins, type ClientRegistration } from '../config/clients.ts';
import { pairwiseSub } from '../domain/claims/pairwise.ts';
import { SCOPES } from '../domain/claims/scopes.ts';
import type { RotatedSession } from '../services/access/session-rotation.ts';
import { createAdapter } from './adapter/adapter.ts';
import { refreshBrowserCookie } from './adapter/browser-binding.ts';
import { createClientAdapter } from './adapter/client-adapter.ts';
import { paceDevicePolls } from './adapter/device-polls.ts';
import { createReplayCheck } from './adapter/replay-detection.ts';
import { requestTransaction } from './adapter/request-transaction.ts';
import { createSessionAdapter } from './adapter/session-adapter.ts';
import { cachedDiscovery } from './cached-discovery.ts';
import { loadKeyOfAssertion } from './client-keys.ts';
import { correctClientAuthErrors } from './client-auth-errors.ts';
import { createFindAccount, type FindAccount } from './contexts/account.ts';
import { createContextResolver, type ContextResolver } from './contexts/context-selection.ts';
import { createGrantIssuer } from './contexts/grant-issuer.ts';
import { sectorIdentifierOf } from './contexts/sector-identifier.ts';
import type { OidcDeps } from './deps.ts';
import { acceptEmptyClientSecret } from './empty-client-secret.ts';
import { registerEventListeners } from './event-listeners.ts';
import { requireOpenidScope } from './openid-scope.ts';
import { ACR_PASSWORD, ACR_TWO_FACTORS, claims } from './options/claims.ts';
import { createAssertionCheck } from './options/client-auth.ts';
import { toMetadata } from './options/clients.ts';
import { createCookies } from './options/cookies.ts';
import { createDeviceFlow } from './options/device-flow.ts';
import { createDPoP } from './options/dpop.ts';
import { enforceFapi } from './options/fapi.ts';
import { restoreOfflineAccess } from './options/offline-access.ts';
import { createPkce } from './options/pkce.ts';
import { rotateRefreshToken } from './options/refresh-rotation.ts';
import { createResourceFeatures, createTokenClaims } from './options/resources.ts';
import { createTtl } from './options/ttl.ts';
import { rememberAskedAdult } from './prompts/asked-adult.ts';
import { createPendingCheck, createPrompts } from './prompts/index.ts';
import {
  acceptFullWidthUserCodes,
  acceptHintsOfEachAlgorithm,
  forceSid,
  forcePairwiseSubjects,
  compareSecretHashes,
  createSendLogout,
  omitNonceOfRefresh,
  prepareClients,
  replaceReplayCheck,
  rejectDeviceFlowOfBuiltInClient,
  rememberPerSignIn,
  storeSessionProperties,
  validateMetadata,
  type SendLogout,
} from './provider-internals.ts';
import {
  createRequestCheck,
  limitRefreshes,
  releaseCompletedRequests,
  REQUEST_CHECK,
  type RequestCheck,
} from './request-limits.ts';
import { acceptRequestedAddress } from './requested-address.ts';
import { updateSessionAssurance } from './session-assurance.ts';

/** In bytes, after decompression: about a hundred RSA keys. Without a limit, the server of one client could fill the memory. */
const MAX_JWKS_BYTES = 64 * 1024;

export interface Oidc {
  provider: Provider;
  sendLogout: SendLogout;
  /** Sets the session cookie after the session id was rotated. */
  setSessionCookie(ctx: Context, session: RotatedSession): void;
  /** The discovery document (OpenID Connect Discovery 1.0, section 4). One of the first middlewares. */
  discovery: Middleware;
  /** Wraps the provider's own routes. */
  requestTransaction: Middleware;
  paceDevicePolls: Middleware;
  emptyClientSecret: Middleware;
  /** The last middleware before the provider's own routes. */
  clientAuthErrors: Middleware;
  /** Returns why the provider rejects a registration; undefined if it accepts it. */
  findClientProblem(client: ClientRegistration): string | undefined;
}

/** Creates the provider. No other code calls `new Provider`. */
export function createOidc(deps: OidcDeps): Oidc {
  const contextResolver = createContextResolver(deps);
  const configuration = limitRefreshes(
    enforceFapi(createConfiguration(deps, contextResolver), deps.clients),
    deps.rateLimiter,
  );
  const provider = new Provider(deps.issuer, deps.customizeConfiguration?.(configuration) ?? configuration);
  const sendLogout = createSendLogout(provider);
  compareSecretHashes(provider, deps.clients);
  forceSid(provider);
  rememberPerSignIn(provider);
  forcePairwiseSubjects(provider);
  prepareClients(provider, (client) => loadKeyOfAssertion(deps, client));
  replaceReplayCheck(provider, createReplayCheck(deps));
  refreshBrowserCookie(provider);
  rejectDeviceFlowOfBuiltInClient(provider);
  requireOpenidScope(provider);
  acceptRequestedAddress(provider);
  storeSessionProperties(provider);
  acceptFullWidthUserCodes(provider);
  omitNonceOfRefresh(provider);
  acceptHintsOfEachAlgorithm(provider);
  updateSessionAssurance(provider);
  rememberAskedAdult(provider);
  releaseCompletedRequests(provider, deps.rateLimiter);
  registerEventListeners(provider, deps);
  const findClientProblem: Oidc['findClientProblem'] = (client) => {
    if (isDirectoryOnly(client)) return undefined;
    try {
      validateMetadata(provider, toMetadata(client));
      return undefined;
    } catch (error) {
      return describeProblem(error);
    }
  };
  const setSessionCookie: Oidc['setSessionCookie'] = (ctx, { id, expiresAt }) => {
    const expires = expiresAt === undefined ? {} : { expires: new Date(expiresAt) };
    ctx.cookies.set(provider.cookieName('session'), id, { ...configuration.cookies?.long, ...expires });
  };
  const middlewares = {
    discovery: cachedDiscovery(deps.languages),
    requestTransaction: requestTransaction(deps, provider),
    paceDevicePolls: paceDevicePolls(deps),
    emptyClientSecret: acceptEmptyClientSecret(provider, deps.clients),
    clientAuthErrors: correctClientAuthErrors(deps.issuer),
  };
  return { provider, sendLogout, setSessionCookie, findClientProblem, ...middlewares };
}

function describeProblem(error: unknown): string {
  return (error instanceof errors.OIDCProviderError ? error.error_description : String(error)) ?? 'not accepted';
}

function createConfiguration(deps: OidcDeps, contextResolver: ContextResolver): Configuration {
  const prompts = createPrompts(deps, contextResolver);
  const findAccount = createFindAccount(deps, contextResolver);
  const checkRequest = createRequestCheck(deps);
  return {
    adapter: (model) => createModelAdapter(model, deps),
    jwks: deps.keys.jwks,
    cookies: createCookies(deps.issuer, deps.keys.cookieKeys),
    ttl: createTtl(deps.clock, deps.sessionIdleSeconds),
    scopes: [...SCOPES],
    claims,
    acrValues: [ACR_PASSWORD, ACR_TWO_FACTORS],
    subjectTypes: ['pairwise', 'public'],
    pairwiseIdentifier: (_ctx, accountId, client) =>
      pairwiseSub(deps.keys.pairwiseKey, sectorIdentifierOf(client), accountId),
    // The bureau decides in KINPASS_CLIENTS_FILE: the service fetches no document to confirm a registration.
    sectorIdentifierUriValidate: () => false,
    responseTypes: ['code'],
    // Required, and compared exactly (OpenID Connect Core 1.0, 3.1.2.1; RFC 9700, 2.1).
    allowOmittingSingleRegisteredRedirectUri: false,
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    assertJwtClientAuthClaimsAndHeader: createAssertionCheck(() => deps.clock.now()),
    enabledJWA: { idTokenSigningAlgValues: [...ID_TOKEN_ALGORITHMS] },
    pkce: createPkce(deps.clients),
    // Tokens still end with their session: `isGrantActive` checks it for each grant, so each tab has its own.
    expiresWithSession: () => false,
    issueRefreshToken: (_ctx, client, code) =>
      client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
    rotateRefreshToken,
    findAccount,
    extraTokenClaims: createTokenClaims(findAccount),
    loadExistingGrant: createGrantIssuer(deps, contextResolver, createPendingCheck(prompts)),
    interactions: { policy: prompts, url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    renderError: (ctx, out, error) => {
      deps.pages.error(ctx, out, error);
    },
    features: createFeatures(deps, findAccount, checkRequest),
    extraParams: {
      [REQUEST_CHECK]: (ctx) => {
        restoreOfflineAccess(deps, ctx);
        checkRequest(ctx);
      },
    },
    // Rejects a request of another origin. src/http/middleware/cors.ts sets the headers.
    clientBasedCORS: (_ctx, origin, { clientId }) => {
      const client = deps.clients.find(clientId);
      return client !== undefined && listBrowserOrigins(client).includes(origin);
    },
    fetch: createFetch(deps.allowPrivateLogoutAddresses),
    fetchResponseBodyLimits: { jwks_uri: MAX_JWKS_BYTES },
  };
}

function createModelAdapter(model: string, deps: OidcDeps): Adapter {
  switch (model) {
    case 'Session':
      return createSessionAdapter(deps);
    case 'Client':
      return createClientAdapter(deps);
    default:
      return createAdapter(model, deps);
  }
}

function createFeatures(
  { pages, clients, clock }: OidcDeps,
  findAccount: FindAccount,
  checkRequest: RequestCheck,
): NonNullable<Configuration['features']> {
  return {
    devInteractions: { enabled: false },
    claimsParameter: { enabled: true },
    userinfo: { enabled: true },
    revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    backchannelLogout: { enabled: true },
    pushedAuthorizationRequests: { enabled: true },
    dPoP: createDPoP(() => clock.now(), checkRequest),
    deviceFlow: createDeviceFlow(pages.device),
    ...createResourceFeatures(clients, findAccount),
    // For discovery only: src/http/provider/end-session.ts handles these routes.
    rpInitiatedLogout: { enabled: true },
  };
}

/**
 * Creates the function that calls relying parties. It follows no redirect: only registered addresses are checked, and a key that arrives over
 * plain HTTP could be anyone's. The provider's dispatcher rejects private addresses; a setting allows them for private relying parties.
 */
function createFetch(allowsPrivateAddresses: boolean): NonNullable<Configuration['fetch']> {
  return (url, options) => {
    const allowed: RequestInit = { redirect: 'error', ...options };
    if (allowsPrivateAddresses) Reflect.deleteProperty(allowed, 'dispatcher');
    return fetch(url, allowed);
  };
}
