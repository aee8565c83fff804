import type { ClientRegistration } from '../config/clients.ts';
import type { Registrations } from '../config/registrations.ts';
import type { ResourceServer } from '../config/resource-servers.ts';
import type { Registration } from '../domain/model.ts';

/** The service's own pages sign in through the same road as every other app. */
export const ACCOUNT_CLIENT_ID = 'kinpass-account';

/** The registered relying parties; read from the declarative file at start, and constant until the next. */
export interface Clients {
  list(): readonly ClientRegistration[];
  find(clientId: string): ClientRegistration | undefined;
  /** An API that this client may get access tokens for; `undefined` when it may not. */
  resourceFor(clientId: string, identifier: string): ResourceServer | undefined;
  /** The ceiling of what a client can be told; an unknown client can be told nothing. */
  registrationOf(clientId: string): Registration;
}

export function createClients(registrations: Registrations, issuer: string): Clients {
  const clients = [...registrations.clients, accountClient(issuer)];
  const servers = new Map(registrations.resourceServers.map((server) => [server.identifier, server]));
  const byId = new Map(clients.map((client) => [client.client_id, client]));
  return {
    list: () => clients,
    find: (clientId) => byId.get(clientId),
    resourceFor: (clientId, identifier) =>
      byId.get(clientId)?.resources.includes(identifier) === true ? servers.get(identifier) : undefined,
    registrationOf: (clientId) => {
      const client = byId.get(clientId);
      return {
        scopes: client?.scopes ?? [],
        schoolTypes: client?.school_types ?? [],
        permissions: client?.permissions ?? [],
      };
    },
  };
}

function accountClient(issuer: string): ClientRegistration {
  return {
    client_id: ACCOUNT_CLIENT_ID,
    client_name: { 'zh-TW': '我的帳號', en: 'Your account' },
    client_uri: `${issuer}/account`,
    application_type: 'web',
    token_endpoint_auth_method: 'none',
    client_secret_sha256: [],
    redirect_uris: [`${issuer}/account/signed-in`],
    post_logout_redirect_uris: [],
    id_token_signed_response_alg: 'ES256',
    device_flow: false,
    require_pkce: true,
    require_pushed_authorization_requests: false,
    dpop_bound_access_tokens: false,
    resources: [],
    scopes: ['openid'],
    school_types: [],
    permissions: [],
    first_party: true,
  };
}
