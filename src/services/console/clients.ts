import type { ClientRegistration } from '../../config/clients.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Random } from '../../domain/random.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as clientStore from '../../store/oidc/clients.ts';
import { ACCOUNT_CLIENT_ID, type ClientRegistry } from '../access/client-registry.ts';
import { parseStored, type StoredClients } from '../access/stored-clients.ts';
import type { Audit } from '../audit/audit.ts';
import type { Authorization } from './authorization.ts';
import { isBureauActor, type BureauWrite } from './bureau-write.ts';
import { EFFECTS, updateSecrets, withoutSecrets, type ClientAction, type NewSecrets } from './client-effects.ts';

/** Clients on one page of the list. */
const PAGE_SIZE = 50;

/** A relying party of the database. */
export interface StoredClient {
  registration: ClientRegistration;
  version: number;
  hasSecret: boolean;
  /** The secret before the last rotation is valid until then, ms. */
  previousSecretUntil: number | undefined;
  hasDirectorySecret: boolean;
  /** Like `previousSecretUntil`, for the service account in the directory. */
  previousDirectorySecretUntil: number | undefined;
  disabledAt: number | undefined;
  /** Its grants are still being deleted. */
  isRevoking: boolean;
  /** The clients file has a client with the same id, which applies instead. */
  isShadowed: boolean;
  createdAt: number;
  updatedAt: number;
}

export interface ClientPage {
  /** Clients of the file; on the first page only. */
  ofFile: readonly ClientRegistration[];
  stored: readonly StoredClient[];
  /** The id after which the next page starts. */
  next: string | undefined;
}

export type ClientResult =
  | ({ kind: 'done' } & NewSecrets)
  | { kind: 'denied' }
  | { kind: 'id_taken' }
  /** Another administrator changed the client after the form was shown. Nothing was done. */
  | { kind: 'changed_meanwhile' }
  | { kind: 'impossible' };

/** Relying parties that the bureau registers, next to those of the clients file. */
export interface ConsoleClients {
  list(after: string): Promise<ClientPage>;
  find(clientId: string): Promise<StoredClient | undefined>;
  /** Finds a client of the file. */
  findOfFile(clientId: string): ClientRegistration | undefined;
  register(write: BureauWrite, registration: ClientRegistration): Promise<ClientResult>;
  /** @param version the version that the form was shown for */
  change(write: BureauWrite, registration: ClientRegistration, version: number): Promise<ClientResult>;
  perform(
    write: BureauWrite,
    request: { clientId: string; version: number; action: ClientAction },
  ): Promise<ClientResult>;
}

interface Deps {
  store: Store;
  clock: Clock;
  random: Random;
  audit: Pick<Audit, 'append'>;
  authorization: Pick<Authorization, 'findActorIn'>;
  clients: Pick<ClientRegistry, 'list'>;
  storedClients: Pick<StoredClients, 'refreshAll'>;
}

export function createConsoleClients(deps: Deps): ConsoleClients {
  const { store, clients, storedClients } = deps;
  const ofFile = (): ClientRegistration[] => clients.list().filter(({ client_id: id }) => id !== ACCOUNT_CLIENT_ID);
  const findOfFile: ConsoleClients['findOfFile'] = (clientId) => ofFile().find(({ client_id: id }) => id === clientId);
  const view = (row: clientStore.ClientRow): StoredClient[] => {
    const stored = toStoredClient(row, deps.clock.now());
    return stored === undefined ? [] : [{ ...stored, isShadowed: findOfFile(row.clientId) !== undefined }];
  };
  const writeAsBureau = async (
    { actorId }: BureauWrite,
    work: (tx: Transaction) => Promise<ClientResult>,
  ): Promise<ClientResult> => {
    const result = await store.write(async (tx): Promise<ClientResult> => {
      return (await isBureauActor(tx, deps.authorization, actorId)) ? work(tx) : { kind: 'denied' };
    });
    await storedClients.refreshAll();
    return result;
  };
  return {
    findOfFile,
    list: async (after) => {
      const rows = await store.read((tx) => clientStore.listClients(tx, after, PAGE_SIZE + 1));
      const shown = rows.slice(0, PAGE_SIZE);
      return {
        ofFile: after === '' ? ofFile() : [],
        stored: shown.flatMap(view),
        next: rows.length > PAGE_SIZE ? shown.at(-1)?.clientId : undefined,
      };
    },
    find: async (clientId) => {
      const row = await store.read((tx) => clientStore.findClient(tx, clientId));
      return row && view(row)[0];
    },
    register: (write, registration) =>
      writeAsBureau(write, (tx) =>
        findOfFile(registration.client_id) === undefined
          ? register(deps, tx, write, registration)
          : Promise.resolve({ kind: 'id_taken' }),
      ),
    change: (write, registration, version) =>
      writeAsBureau(write, (tx) => change(deps, tx, write, { registration, version })),
    perform: (write, request) => writeAsBureau(write, (tx) => perform(deps, tx, write, request)),
  };
}

function toStoredClient(row: clientStore.ClientRow, now: number): Omit<StoredClient, 'isShadowed'> | undefined {
  const parsed = parseStored(row);
  if (!parsed.success) return undefined;
  const whileValid = (until: number | null): number | undefined => (until !== null && until > now ? until : undefined);
  return {
    registration: parsed.data,
    version: row.version,
    hasSecret: row.secretHash !== null,
    previousSecretUntil: whileValid(row.previousSecretUntil),
    hasDirectorySecret: row.directorySecretHash !== null,
    previousDirectorySecretUntil: whileValid(row.previousDirectorySecretUntil),
    disabledAt: row.disabledAt ?? undefined,
    isRevoking: row.isRevoking,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
  };
}

async function register(
  deps: Deps,
  tx: Transaction,
  write: BureauWrite,
  registration: ClientRegistration,
): Promise<ClientResult> {
  const now = deps.clock.now();
  const none = { secretHash: null, directorySecretHash: null };
  const { values, created } = updateSecrets(registration, none, deps.random);
  const stored = withoutSecrets(registration);
  const isNew = await clientStore.insertClientIfAbsent(tx, {
    ...{ clientId: registration.client_id, registration: stored, createdAt: now, updatedAt: now },
    ...{ ...none, ...values },
  });
  if (!isNew) return { kind: 'id_taken' };
  const after = JSON.stringify(stored);
  await appendAudit(deps, tx, write, { event: 'client.registered', clientId: registration.client_id, after });
  return { kind: 'done', ...created };
}

async function change(
  deps: Deps,
  tx: Transaction,
  write: BureauWrite,
  { registration, version }: { registration: ClientRegistration; version: number },
): Promise<ClientResult> {
  const clientId = registration.client_id;
  const row = await clientStore.findClient(tx, clientId);
  if (row?.version !== version) return { kind: 'changed_meanwhile' };
  const secrets = updateSecrets(registration, row, deps.random);
  const stored = withoutSecrets(registration);
  const values = { ...secrets.values, registration: stored, updatedAt: deps.clock.now() };
  if (!(await clientStore.updateClient(tx, row, values))) return { kind: 'changed_meanwhile' };
  const before = parseStored(row);
  const changes = listChanges(before.success ? withoutSecrets(before.data) : {}, stored);
  await appendAudit(deps, tx, write, { event: 'client.changed', clientId, ...changes });
  return { kind: 'done', ...secrets.created };
}

async function perform(
  deps: Deps,
  tx: Transaction,
  write: BureauWrite,
  { clientId, version, action }: { clientId: string; version: number; action: ClientAction },
): Promise<ClientResult> {
  const row = await clientStore.findClient(tx, clientId);
  if (row?.version !== version) return { kind: 'changed_meanwhile' };
  const now = deps.clock.now();
  const effect = EFFECTS[action](row, now, deps.random);
  if (effect === undefined) return { kind: 'impossible' };
  if (!(await clientStore.updateClient(tx, row, { ...effect.values, updatedAt: now })))
    return { kind: 'changed_meanwhile' };
  const { event, before, after, secret, directorySecret } = effect;
  await appendAudit(deps, tx, write, { event, clientId, before, after });
  return {
    kind: 'done',
    ...(secret !== undefined && { secret }),
    ...(directorySecret !== undefined && { directorySecret }),
  };
}

/** Returns the fields that differ, as JSON. */
export function listChanges(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): { before: string; after: string } {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
  const pick = (values: Readonly<Record<string, unknown>>): string =>
    JSON.stringify(Object.fromEntries(names.map((name) => [name, values[name]])));
  return { before: pick(before), after: pick(after) };
}

function appendAudit(
  { audit }: Deps,
  tx: Transaction,
  { actorId, address, reason }: BureauWrite,
  { event, clientId, before = '', after }: { event: string; clientId: string; before?: string; after: string },
): Promise<void> {
  const detail = { capacity: 'bureau_admin', reason, before, after };
  return audit.append(tx, { event, outcome: 'ok', actorId, clientId, address, detail });
}
