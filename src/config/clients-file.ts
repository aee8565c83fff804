import { readFileSync } from 'node:fs';
import { findNodeAtLocation, parseTree, type Node } from 'jsonc-parser';
import { z } from 'zod';
import { SCOPES } from '../domain/claims/scopes.ts';
import { clientSchema, type ClientRegistration } from './clients.ts';
import { resourceServerSchema, type ResourceServer } from './resource-servers.ts';
import { isSpecialUseHost } from './special-use-addresses.ts';

const fileSchema = z.strictObject({
  clients: z.array(clientSchema),
  resource_servers: z.array(resourceServerSchema).default([]),
});

export interface ClientsFile {
  clients: readonly ClientRegistration[];
  resourceServers: readonly ResourceServer[];
}

/** Rules for addresses, which depend on the settings. */
export interface AddressRules {
  isProduction: boolean;
  /** True if this service may call addresses of its own network, as in development. */
  acceptsPrivateAddresses: boolean;
}

/**
 * Reads the file of relying parties and of the APIs that they call.
 *
 * @throws {Error} that lists each problem with its client, field and line
 */
export function loadClientsFile(file: string, rules: AddressRules): ClientsFile {
  const text = readText(file);
  const json = parseJson(file, text);
  const parsed = fileSchema.safeParse(json);
  if (!parsed.success) {
    throw new Error(parsed.error.issues.map((issue) => `${file}: ${describeIssue(text, json, issue)}`).join('\n'));
  }
  const { clients, resource_servers: resourceServers } = parsed.data;
  const problems = [
    ...findDuplicates(clients),
    ...findUnknownResources(clients, resourceServers),
    ...findAmbiguousScopes(resourceServers),
    ...(rules.isProduction ? findInsecureUris(clients) : []),
    ...(rules.acceptsPrivateAddresses ? [] : findPrivateUris(clients)),
  ];
  if (problems.length > 0) throw new Error(problems.map((problem) => `${file}: ${problem}`).join('\n'));
  return { clients, resourceServers };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`KINPASS_CLIENTS_FILE: cannot read ${file}`, { cause });
  }
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file}: not valid JSON: ${cause instanceof Error ? cause.message : ''}`, { cause });
  }
}

/** Describes a problem as `line 12: clients[1] (payment): redirect_uris.0: Invalid URL`. */
function describeIssue(text: string, json: unknown, issue: { path: PropertyKey[]; message: string }): string {
  const [list, index, ...rest] = issue.path;
  if (list !== 'clients' || typeof index !== 'number') return `${issue.path.join('.')}: ${issue.message}`;
  const id = clientIdsOf(json)[index];
  const field = rest.find((part) => typeof part === 'string');
  const place = [
    `clients[${index}]${id === undefined ? '' : ` (${id})`}`,
    ...(rest.length > 0 ? [rest.join('.')] : []),
  ];
  return `line ${findLine(text, index, field)}: ${place.join(': ')}: ${issue.message}`;
}

const anyClients = z.object({ clients: z.array(z.object({ client_id: z.string() }).partial().catch({})) });

function clientIdsOf(json: unknown): (string | undefined)[] {
  const shape = anyClients.safeParse(json);
  return shape.success ? shape.data.clients.map(({ client_id: id }) => id) : [];
}

/** Finds the line of a field of a client. If the client has no such field: the line of its id, or where its object starts. */
function findLine(text: string, index: number, field: string | undefined): number {
  const root = parseTree(text);
  const find = (...path: (string | number)[]): Node | undefined =>
    root === undefined ? undefined : findNodeAtLocation(root, ['clients', index, ...path]);
  const property = (field === undefined ? undefined : find(field)?.parent) ?? find('client_id')?.parent;
  return text.slice(0, (property ?? find())?.offset ?? 0).split('\n').length;
}

function findDuplicates(clients: readonly ClientRegistration[]): string[] {
  const seen = new Set<string>();
  return clients.flatMap(({ client_id: id }) => {
    if (!seen.has(id)) {
      seen.add(id);
      return [];
    }
    return [`client_id: "${id}" is used twice`];
  });
}

/** RFC 9700 2.6: redirect URIs of web clients use https; loopback addresses are for native clients (RFC 8252 7.3). */
function findInsecureUris(clients: readonly ClientRegistration[]): string[] {
  return clients.flatMap((client) =>
    insecureUrisOf(client).map(({ uri }) => `clients (${client.client_id}): ${uri} must use https in production`),
  );
}

/** The addresses that this service calls. */
const FETCHED_URIS = ['jwks_uri', 'backchannel_logout_uri'] as const;
/** The addresses that this service calls, or sends people to, for every type of client. */
const SERVICE_URIS = [...FETCHED_URIS, 'initiate_login_uri'] as const;
/** A native app may redirect to a loopback address or a private-use scheme. */
const WEB_URIS = ['redirect_uris', 'post_logout_redirect_uris'] as const;

/**
 * Lists the URIs of a client that must use https and do not. Over http, another host could replace the keys of a client. An origin may also
 * have the own scheme of an app.
 */
export function insecureUrisOf(client: ClientRegistration): { field: keyof ClientRegistration; uri: string }[] {
  const fields = client.application_type === 'web' ? [...WEB_URIS, ...SERVICE_URIS] : SERVICE_URIS;
  const insecure = fields.flatMap((field) =>
    [client[field] ?? []]
      .flat()
      .filter((uri) => !uri.startsWith('https:'))
      .map((uri) => ({ field, uri })),
  );
  const origins = client.allowed_origins.filter((uri) => uri.startsWith('http:'));
  return [...insecure, ...origins.map((uri) => ({ field: 'allowed_origins' as const, uri }))];
}

function findPrivateUris(clients: readonly ClientRegistration[]): string[] {
  return clients.flatMap((client) =>
    privateUrisOf(client).map(
      ({ field, uri }) =>
        `clients (${client.client_id}): ${field} ${uri} is a private address; use a public one, or set KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES`,
    ),
  );
}

/** Lists the URIs that this service calls and whose host is a private address. The provider's fetch refuses them too. */
export function privateUrisOf(client: ClientRegistration): { field: keyof ClientRegistration; uri: string }[] {
  return FETCHED_URIS.flatMap((field) => {
    const uri = client[field];
    return uri !== undefined && isSpecialUseHost(new URL(uri).hostname) ? [{ field, uri }] : [];
  });
}

function findUnknownResources(clients: readonly ClientRegistration[], servers: readonly ResourceServer[]): string[] {
  return clients.flatMap((client) =>
    unknownResourcesOf(client, servers).map(
      ({ uri }) => `clients (${client.client_id}): ${uri} is not in resource_servers`,
    ),
  );
}

/** Lists the APIs of a client that the clients file does not define. */
export function unknownResourcesOf(
  client: ClientRegistration,
  servers: readonly ResourceServer[],
): { field: keyof ClientRegistration; uri: string }[] {
  const known = new Set(servers.map(({ identifier }) => identifier));
  return (['resources', 'introspects'] as const).flatMap((field) =>
    [client[field] ?? []]
      .flat()
      .filter((uri) => !known.has(uri))
      .map((uri) => ({ field, uri })),
  );
}

/** Consent shows a scope by its name. A name therefore belongs to one API, and is no scope of the service. */
function findAmbiguousScopes(servers: readonly ResourceServer[]): string[] {
  const taken = new Map<string, string>(SCOPES.map((scope) => [scope, 'the service itself']));
  return servers.flatMap(({ identifier, scopes }) =>
    Object.keys(scopes).flatMap((scope) => {
      const by = taken.get(scope);
      if (by === undefined) taken.set(scope, identifier);
      return by === undefined ? [] : [`resource_servers (${identifier}): scope "${scope}" belongs to ${by}`];
    }),
  );
}
