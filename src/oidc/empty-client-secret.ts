import type { IncomingMessage } from 'node:http';
import type { Middleware } from 'koa';
import { errors, type Provider } from 'oidc-provider';
import type { ClientRegistry } from '../services/access/client-registry.ts';
import { prepareParameters } from './provider-internals.ts';
import { normalizePath, ROUTES } from './routes.ts';

/** The endpoints that a public client may call. */
const PATHS: ReadonlySet<string> = new Set([
  ROUTES.deviceAuthorization,
  ROUTES.pushedAuthorizationRequest,
  ROUTES.revocation,
  ROUTES.token,
]);

/**
 * Accepts the `Authorization` header of a public client with an empty secret, as other servers do. "The client MAY omit the parameter if the
 * client secret is an empty string" (RFC 6749, section 2.3.1), so the request means the same as `client_id` in the body.
 */
export function acceptEmptyClientSecret(provider: Provider, clients: Pick<ClientRegistry, 'refresh'>): Middleware {
  const clientIds = new WeakMap<IncomingMessage, string>();
  prepareParameters(provider, (request, parameters) => {
    const clientId = clientIds.get(request);
    if (clientId === undefined) return;
    parameters.client_id ??= clientId;
    // The provider rejects a repeated parameter.
    if (typeof parameters.client_id === 'string' && parameters.client_id !== clientId) {
      throw new errors.InvalidRequest('client_id mismatch');
    }
  });
  return async (ctx, next) => {
    const clientId = PATHS.has(normalizePath(ctx.path)) ? clientIdWithoutSecret(ctx.get('authorization')) : undefined;
    if (clientId !== undefined && (await clients.refresh(clientId))?.token_endpoint_auth_method === 'none') {
      clientIds.set(ctx.req, clientId);
      delete ctx.req.headers.authorization;
    }
    await next();
  };
}

/** Returns the client id of an `Authorization` header with an empty secret; undefined for any other header. */
function clientIdWithoutSecret(header: string): string | undefined {
  const encoded = /^basic ([a-z0-9+/]+={0,2})$/i.exec(header)?.[1];
  const clientId = /^([^:]+):$/.exec(Buffer.from(encoded ?? '', 'base64').toString())?.[1];
  try {
    return clientId && decodeURIComponent(clientId.replaceAll('+', '%20'));
  } catch {
    // The provider rejects it with its own error.
    return undefined;
  }
}
