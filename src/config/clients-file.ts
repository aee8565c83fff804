import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { SCOPES } from '../domain/claims/scopes.ts';
import { insecureUrisOf, privateUrisOf, unknownResourcesOf, type AddressRules } from './client-addresses.ts';
import { ConfigError, unreadableFile } from './config-error.ts';
import { checkRegistration, FIELD_NAMES, type ClientRegistration } from './clients.ts';
import { publicSecretsOf } from './public-secrets.ts';
import { describeIssue, describeUnknownField } from './field-problems.ts';
import { readJsonSource, type JsonSource } from './json-source.ts';
import { resourceServerSchema, type ResourceServer } from './resource-servers.ts';

export interface ClientsFile {
  clients: readonly ClientRegistration[];
  resourceServers: readonly ResourceServer[];
}

/** A problem of a file. `id` is of the client or API. */
interface Problem {
  path: readonly PropertyKey[];
  message: string;
  id?: string | undefined;
  /** The problem is the name of a member, and not its value. */
  isName?: boolean;
}

/** Clients with all problems of their file, one line each. */
interface CheckedFile extends ClientsFile {
  problems: readonly string[];
  /** Each `client_id` with the place where it is defined. */
  ids: readonly { id: string; place: string }[];
}

/**
 * Reads the file of relying parties and of the APIs that they call.
 *
 * @throws {Error} that lists each problem with its place, client and field
 */
export function loadClientsFile(file: string, rules: AddressRules): ClientsFile {
  const { problems, clients, resourceServers } = checkClientsFile(file, rules);
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return { clients, resourceServers };
}

/**
 * Checks a file of relying parties.
 *
 * @throws {Error} when the file cannot be read
 */
export function checkClientsFile(file: string, rules: AddressRules): CheckedFile {
  const text = readText(file);
  if (text === undefined) {
    return { clients: [], resourceServers: [], ids: [], problems: [`${file}: is not text in UTF-8; save it as UTF-8`] };
  }
  const source = readJsonSource(text);
  const { clients, resourceServers, problems } = checkContent(source, rules);
  const located = [
    ...source.problems,
    ...problems.map((problem) => ({ offset: offsetOf(source, problem), message: describeProblem(problem) })),
  ].sort((a, b) => a.offset - b.offset);
  return {
    clients,
    resourceServers,
    problems: [...new Set(located.map(({ offset, message }) => `${file}: ${source.placeOf(offset)}: ${message}`))],
    ids: listIds(source).map(({ id, path }) => ({
      id,
      place: `${file}: ${source.placeOf(source.findOffset(path) ?? 0)}: ${placeOfEntry(path.slice(0, 2), id)}`,
    })),
  };
}

/**
 * Most bytes of a file: more than 2,000 clients. A running service handles no request while it reads a file, half a second for the largest.
 */
const MAX_BYTES = 1024 * 1024;

/** Reads a text, also with a byte order mark. @returns `undefined` if it is not UTF-8 */
function readText(file: string): string | undefined {
  let bytes: Buffer | undefined;
  try {
    bytes = statSync(file).size > MAX_BYTES ? undefined : readFileSync(file);
  } catch (cause) {
    throw unreadableFile('KINPASS_CLIENTS_FILE', file, cause);
  }
  if (bytes === undefined)
    throw new ConfigError(`KINPASS_CLIENTS_FILE: ${file}: more than 1 MiB; register clients in the console instead`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

const fileSchema = z.strictObject({
  clients: z.array(z.unknown()),
  resource_servers: z.array(z.unknown()).default([]),
});

function checkContent(source: JsonSource, rules: AddressRules): ClientsFile & { problems: Problem[] } {
  if (source.value === undefined) return { clients: [], resourceServers: [], problems: [] };
  const parsed = fileSchema.safeParse(source.value);
  const lists = looseLists.parse(source.value);
  const servers = lists.resource_servers.map((input, index) => checkResourceServer(input, index));
  const clients = lists.clients.map((input, index) => checkClient(input, index));
  const resourceServers = servers.flatMap(({ server }) => server ?? []);
  const problems = [
    ...(parsed.success ? [] : toProblems(parsed.error.issues, source.value, [], Object.keys(fileSchema.shape))),
    ...servers.flatMap((checked) => checked.problems),
    ...clients.flatMap((checked) => checked.problems),
  ];
  const ofSettings = clients.flatMap(({ part, index }) =>
    part === undefined ? [] : findAddressProblems(part, index, lists.clients[index], resourceServers, rules),
  );
  const known = new Set(problems.map(({ path }) => path.join('.')));
  return {
    clients: clients.flatMap(({ registration }) => registration ?? []),
    resourceServers,
    problems: [
      ...problems,
      ...findDuplicates(source),
      ...ofSettings.filter(({ path }) => !known.has(path.join('.'))),
      ...findAmbiguousScopes(servers),
    ],
  };
}

/** The lists of a file that may have other errors. */
const looseLists = z
  .object({ clients: z.array(z.unknown()).catch([]), resource_servers: z.array(z.unknown()).catch([]) })
  .catch({ clients: [], resource_servers: [] });

interface CheckedClient {
  index: number;
  registration: ClientRegistration | undefined;
  /** What is valid of the registration. */
  part: ClientRegistration | undefined;
  problems: Problem[];
}

function checkClient(input: unknown, index: number): CheckedClient {
  const checked = checkRegistration(input);
  if (checked.registration !== undefined) {
    return { index, registration: checked.registration, part: checked.registration, problems: [] };
  }
  const problems = toProblems(checked.issues, input, ['clients', index], FIELD_NAMES);
  return { index, registration: undefined, part: checked.validPart, problems };
}

interface CheckedServer {
  index: number;
  server: ResourceServer | undefined;
  problems: Problem[];
}

function checkResourceServer(input: unknown, index: number): CheckedServer {
  const parsed = resourceServerSchema.safeParse(input);
  if (parsed.success) return { index, server: parsed.data, problems: [] };
  const names = Object.keys(resourceServerSchema.shape);
  return {
    index,
    server: undefined,
    problems: toProblems(parsed.error.issues, input, ['resource_servers', index], names),
  };
}

const anyEntry = z.object({ client_id: z.string(), identifier: z.string() }).partial().catch({});

/** Describes the issues of a schema for the value at a path. */
function toProblems(
  issues: readonly z.core.$ZodIssue[],
  input: unknown,
  at: readonly PropertyKey[],
  names: readonly string[],
): Problem[] {
  const { client_id: clientId, identifier } = anyEntry.parse(input);
  const id = clientId ?? identifier;
  return issues.flatMap((issue): Problem[] => {
    const path = [...at, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        return { path: [...path, key], message: describeUnknownField(key, names), id, isName: true };
      });
    }
    // The union of a text and texts by language: the texts by language say what is wrong.
    const inner = issue.code === 'invalid_union' ? (issue.errors.at(-1) ?? []) : [];
    const isDeep = inner.some(({ path: below }) => below.length > 0);
    if (isDeep) return toProblems(inner, valueAt(input, issue.path), path, []).map((problem) => ({ ...problem, id }));
    const isName = issue.code === 'invalid_key';
    return [{ path, message: describeIssue(issue, valueAt(input, issue.path)), id, isName }];
  });
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, part) => (typeof value === 'object' && value !== null ? Reflect.get(value, part) : undefined),
    input,
  );
}

/** Describes a problem as `clients[1] (payment): redirect_uris.0: must not have a wildcard`. */
function describeProblem({ path, message, id }: Problem): string {
  const hasEntry = typeof path[1] === 'number';
  const field = (hasEntry ? path.slice(2) : path).join('.');
  return [...(hasEntry ? [placeOfEntry(path, id)] : []), ...(field === '' ? [] : [field]), message].join(': ');
}

function placeOfEntry([list, index]: readonly PropertyKey[], id: string | undefined): string {
  return `${String(list)}[${String(index)}]${id === undefined ? '' : ` (${id})`}`;
}

/** Finds the value of a problem. If it is missing: the id of its client, or the nearest object around it. */
function offsetOf(source: JsonSource, { path, isName }: Problem): number {
  const exact = isName === true ? source.findNameOffset(path) : source.findOffset(path);
  if (exact !== undefined) return exact;
  if (path.length === 3 && path[0] === 'clients') {
    const id = source.findNameOffset([...path.slice(0, 2), 'client_id']);
    if (id !== undefined) return id;
  }
  return path.length === 0 ? 0 : offsetOf(source, { path: path.slice(0, -1), message: '' });
}

function listIds({ value }: JsonSource): { id: string; path: PropertyKey[] }[] {
  return looseLists.parse(value).clients.flatMap((client, index) => {
    const { client_id: id } = anyEntry.parse(client);
    return id === undefined ? [] : [{ id, path: ['clients', index, 'client_id'] }];
  });
}

function findDuplicates(source: JsonSource): Problem[] {
  const first = new Map<string, readonly PropertyKey[]>();
  return listIds(source).flatMap(({ id, path }) => {
    const before = first.get(id);
    if (before === undefined) {
      first.set(id, path);
      return [];
    }
    const line = source.lineOf(source.findOffset(before) ?? 0);
    return [{ path, id, message: `is used twice, first in line ${String(line)}` }];
  });
}

function findAddressProblems(
  client: ClientRegistration,
  index: number,
  input: unknown,
  servers: readonly ResourceServer[],
  rules: AddressRules,
): Problem[] {
  const locate = (field: string, uri: string): PropertyKey[] => {
    const value = valueAt(input, [field]);
    return ['clients', index, field, ...(Array.isArray(value) ? [value.indexOf(uri)] : [])];
  };
  const { client_id: id } = anyEntry.parse(input);
  const describe = (found: readonly { field: string; uri: string }[], message: (uri: string) => string): Problem[] =>
    found.map(({ field, uri }) => ({ path: locate(field, uri), id, message: message(uri) }));
  const insecure = insecureUrisOf(client);
  const publicSecrets = rules.isProduction ? publicSecretsOf(client) : [];
  return [
    ...publicSecrets.map((path) => ({
      ...{ path: ['clients', index, ...path], id },
      message: 'is a secret that everyone knows, from the demo or an example; create another one',
    })),
    ...(rules.isProduction
      ? describe(insecure, (uri) => `${uri} must use https in production`)
      : describe(
          insecure.filter(({ field }) => field === 'initiate_login_uri'),
          (uri) => `${uri} must use https`,
        )),
    ...(rules.acceptsPrivateAddresses
      ? []
      : describe(
          privateUrisOf(client),
          (uri) => `${uri} is a private address; use a public one, or set KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES`,
        )),
    ...describe(unknownResourcesOf(client, servers), (uri) => `${uri} is not in resource_servers`),
  ];
}

/** Consent shows a scope by its name. A name therefore belongs to one API, and is no scope of the service. */
function findAmbiguousScopes(servers: readonly CheckedServer[]): Problem[] {
  const taken = new Map<string, string>(SCOPES.map((scope) => [scope, 'the service itself']));
  return servers.flatMap(({ index, server }) =>
    Object.keys(server?.scopes ?? {}).flatMap((scope) => {
      const id = server?.identifier ?? '';
      const by = taken.get(scope);
      if (by === undefined) taken.set(scope, id);
      const path = ['resource_servers', index, 'scopes', scope];
      return by === undefined ? [] : [{ path, id, isName: true, message: `belongs to ${by}` }];
    }),
  );
}
