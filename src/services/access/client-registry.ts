import type { ClientsFile } from '../../config/clients-file.ts';
import { listBrowserOrigins, type ClientRegistration } from '../../config/clients.ts';
import type { ResourceServer } from '../../config/resource-servers.ts';
import type { ClientEntitlements } from '../../domain/model.ts';
import { DEFAULT_LANGUAGE } from '../../domain/text.ts';
import type { I18n } from '../../presentation/i18n.ts';
import type { Transaction } from '../../store/database/index.ts';
import type { StoredClients } from './stored-clients.ts';

/** Client of the account pages; they sign in with OpenID Connect like every app. */
export const ACCOUNT_CLIENT_ID = 'kinpass-account';

/** Registered clients: those of the clients file, and those of the database. If both have an id, the file applies. */
export interface ClientRegistry {
  /** Lists the clients of the file, and the built-in client of the account pages. */
  list(): readonly ClientRegistration[];
  /** Lists the APIs of the clients file. */
  listResources(): readonly ResourceServer[];
  /** Replaces the clients and APIs of the file. The next request uses the new ones. */
  replaceFile(registrations: ClientsFile): void;
  /** Returns the registration of a client that is not disabled. */
  find(clientId: string): ClientRegistration | undefined;
  /** Like `find`, but reads the row of a client of the database first. Clients of the file cost no query. */
  refresh(clientId: string): Promise<ClientRegistration | undefined>;
  /**
   * Returns true if scripts of the origin may call the API endpoints as any client. Reads the clients of the database if this process knows
   * no such client.
   */
  hasBrowserOrigin(origin: string): Promise<boolean>;
  /** Locks a client against being disabled until the transaction ends. @returns false if it is disabled */
  lockEnabled(tx: Transaction, clientId: string): Promise<boolean>;
  /**
   * Returns the URL that starts a client again: its `initiate_login_uri` with this issuer (OpenID Connect Core 1.0, section 4), or its
   * `client_uri`. `undefined` if it has neither, and for the account pages.
   */
  launchUrl(clientId: string): string | undefined;
  /** Finds an API that this client may get access tokens for. */
  findResource(clientId: string, identifier: string): ResourceServer | undefined;
  /** Returns the maximum scopes, school types and permissions of a client; empty for an unknown client. */
  entitlementsOf(clientId: string): ClientEntitlements;
}

export function createClientRegistry(
  registrations: ClientsFile,
  issuer: string,
  i18n: I18n,
  stored: Pick<StoredClients, 'find' | 'list' | 'refresh' | 'refreshAll' | 'lockEnabled'>,
): ClientRegistry {
  const accountClient = createAccountClient(issuer, i18n);
  let { clients, resourceServers, servers, byId } = indexFile(registrations, accountClient);
  const find: ClientRegistry['find'] = (clientId) => byId.get(clientId) ?? stored.find(clientId);
  const isBrowserOrigin = (origin: string): boolean =>
    [...clients, ...stored.list()].some((client) => listBrowserOrigins(client).includes(origin));
  return {
    list: () => clients,
    listResources: () => resourceServers,
    replaceFile: (next) => {
      ({ clients, resourceServers, servers, byId } = indexFile(next, accountClient));
    },
    find,
    refresh: async (clientId) => byId.get(clientId) ?? (await stored.refresh(clientId)),
    hasBrowserOrigin: async (origin) => {
      if (isBrowserOrigin(origin)) return true;
      await stored.refreshAll();
      return isBrowserOrigin(origin);
    },
    lockEnabled: async (tx, clientId) => byId.has(clientId) || (await stored.lockEnabled(tx, clientId)),
    launchUrl: (clientId) => {
      const client = clientId === ACCOUNT_CLIENT_ID ? undefined : find(clientId);
      if (client?.initiate_login_uri === undefined) return client?.client_uri;
      const url = new URL(client.initiate_login_uri);
      url.searchParams.set('iss', issuer);
      return url.href;
    },
    findResource: (clientId, identifier) =>
      find(clientId)?.resources.includes(identifier) === true ? servers.get(identifier) : undefined,
    entitlementsOf: (clientId) => {
      const client = find(clientId);
      return client === undefined ? NO_ENTITLEMENTS : toEntitlements(client);
    },
  };
}

const NO_ENTITLEMENTS: ClientEntitlements = { scopes: [], schoolTypes: [], permissions: [], roles: [] };

/** Returns the part of a registration that decides which data a client sees. */
export function toEntitlements({
  scopes,
  school_types: schoolTypes,
  permissions,
  acting_roles: roles,
}: ClientRegistration): ClientEntitlements {
  return { scopes, schoolTypes, permissions, roles };
}

interface IndexedFile {
  clients: readonly ClientRegistration[];
  resourceServers: readonly ResourceServer[];
  servers: ReadonlyMap<string, ResourceServer>;
  byId: ReadonlyMap<string, ClientRegistration>;
}

function indexFile(file: ClientsFile, accountClient: ClientRegistration): IndexedFile {
  const clients = [...file.clients, accountClient];
  return {
    clients,
    resourceServers: file.resourceServers,
    servers: new Map(file.resourceServers.map((server) => [server.identifier, server])),
    byId: new Map(clients.map((client) => [client.client_id, client])),
  };
}

function createAccountClient(issuer: string, i18n: I18n): ClientRegistration {
  const name = (lang: string): string => i18n.t(lang, 'common.account');
  return {
    client_id: ACCOUNT_CLIENT_ID,
    client_name: {
      ...Object.fromEntries(i18n.languages.map((lang) => [lang, name(lang)])),
      [DEFAULT_LANGUAGE]: name(DEFAULT_LANGUAGE),
    },
    client_uri: `${issuer}/account`,
    application_type: 'web',
    token_endpoint_auth_method: 'none',
    client_secret_sha256: [],
    redirect_uris: [`${issuer}/account/callback`],
    post_logout_redirect_uris: [],
    allowed_origins: [],
    id_token_signed_response_alg: 'ES256',
    device_flow: false,
    require_pkce: true,
    require_pushed_authorization_requests: false,
    dpop_bound_access_tokens: false,
    resources: [],
    scopes: ['openid'],
    school_types: [],
    permissions: [],
    acting_roles: [],
    first_party: true,
    school_accounts: true,
  };
}
