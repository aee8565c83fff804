import type { KeyObject } from 'node:crypto';
import { sectorOf, type ClientRegistration } from '../../config/clients.ts';
import { pairwiseSub } from '../../domain/claims/pairwise.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import { parseLogin } from '../../domain/credentials/identifiers.ts';
import { isShownInDirectory } from '../../domain/directory/visibility.ts';
import type { ClientEntitlements, PersonFacts, SchoolType } from '../../domain/model.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Store } from '../../store/database/index.ts';
import { findPersonIdByNumber, listActivePersonIds } from '../../store/directory/people.ts';
import { findActivePersonIdByIdentifier } from '../../store/people/people.ts';
import { toEntitlements, type ClientRegistry } from '../access/client-registry.ts';
import type { StoredClients } from '../access/stored-clients.ts';
import { findFacts, listFacts } from '../people/people.ts';
import { createHandles, sectorTag, type Handles } from './handles.ts';
import { listRegisteredClients } from './registered-clients.ts';

/** A client that is registered for the directory. */
export interface DirectoryClient {
  clientId: string;
  sector: string;
  entitlements: ClientEntitlements;
  /** The school types whose people are there. A person who is bound may see less of the own entry than these show. */
  shownSchoolTypes: readonly SchoolType[];
  /** The client may list people without an index. */
  canScan: boolean;
  /** SHA-256 of the secrets that are valid now. */
  secretHashes: readonly string[];
}

/** A person as the directory shows them to one client. */
export interface DirectoryPerson {
  facts: PersonFacts;
  /** The name of the entry. */
  handle: string;
  /** The `sub` of OpenID Connect in the same sector. */
  readonly subject: string;
  readonly entryUuid: string;
  /** The number of the account on Unix systems. A person whose number is not stored has none. */
  readonly uidNumber: number | undefined;
  today: string;
}

/** The content of a handle, of any sector. */
export interface DecodedHandle {
  /** The person may not exist. */
  personId: string;
  sectorTag: string;
  /** The first client of the sector, whose id `findClientOfHandle` returns. Not refreshed from the database. */
  clientId: string | undefined;
}

/** People by their ids, in the order of `listPeople`. `next` continues after a full batch. */
export interface PeopleBatch {
  people: DirectoryPerson[];
  next: string | undefined;
}

/** The people of the LDAP directory, with current data. A person whom the client may not see is absent everywhere. */
export interface Directory {
  /** Finds a client that is registered for the directory and not disabled. */
  findClient(clientId: string): Promise<DirectoryClient | undefined>;
  /**
   * Finds the clients of the sector that a handle was made for, as one client: it shows the people of each, and of their data only what every
   * client may see. A bind of a person does not say which client it is for.
   */
  findClientOfHandle(handle: string): Promise<DirectoryClient | undefined>;
  /** Decodes a handle without a read. @returns undefined for any other text */
  decodeHandle(handle: string): DecodedHandle | undefined;
  /** Returns the id of the person that a handle of this client's sector names. It may not exist. */
  openHandle(client: DirectoryClient, handle: string): string | undefined;
  handleOf(client: DirectoryClient, personId: string): string;
  /** Lists the ids of people who may have an `entryUUID` in this client's sector. They may not exist. */
  listIdsOfEntryUuid(client: DirectoryClient, uuid: string): string[];
  /** Finds the id of the person with this `uidNumber` in the client's sector. */
  findIdByUidNumber(client: DirectoryClient, uidNumber: number): Promise<string | undefined>;
  findPerson(client: DirectoryClient, personId: string): Promise<DirectoryPerson | undefined>;
  /** Finds the id of the active person with this email address, mobile number or account name. */
  findIdByLogin(typed: string): Promise<string | undefined>;
  /** Finds the people of ids, in the same order. */
  listPeopleOfIds(client: DirectoryClient, personIds: readonly string[]): Promise<DirectoryPerson[]>;
  /** Lists people behind an id. Reads up to `limit` people; those that the client may not see are left out. */
  listPeople(client: DirectoryClient, after: string, limit: number): Promise<PeopleBatch>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
  log: Logger;
  clients: Pick<ClientRegistry, 'refresh' | 'list'>;
  storedClients: Pick<StoredClients, 'list' | 'refreshAll'>;
  pairwiseKey: KeyObject;
}

export function createDirectory(deps: Deps): Directory {
  const { store, clients, storedClients, secrets } = deps;
  const handles = createHandles(secrets);
  const findClient: Directory['findClient'] = async (clientId) => {
    const client = await clients.refresh(clientId);
    return client && toDirectoryClient(client);
  };
  const findPerson: Directory['findPerson'] = async (client, personId) => {
    const facts = await findFacts(deps, personId);
    return facts && viewPeople(deps, handles, client, [facts])[0];
  };
  const listPeopleOfIds: Directory['listPeopleOfIds'] = async (client, personIds) => {
    if (personIds.length === 0) return [];
    const facts = await listFacts(deps, personIds);
    const ordered = personIds.flatMap((id) => facts.get(id) ?? []);
    return viewPeople(deps, handles, client, ordered);
  };
  return {
    findClient,
    findClientOfHandle: async (handle) => {
      const opened = handles.decode(handle);
      if (opened === undefined) return undefined;
      await storedClients.refreshAll();
      const ofSector = await listRegisteredClients(deps, (client) => sectorTag(sectorOf(client)) === opened.sectorTag);
      return combine(ofSector.flatMap((client) => toDirectoryClient(client) ?? []));
    },
    decodeHandle: (handle) => decodeHandle(deps, handles, handle),
    openHandle: (client, handle) => {
      const opened = handles.decode(handle);
      return opened?.sectorTag === sectorTag(client.sector) ? opened.personId : undefined;
    },
    handleOf: ({ sector }, personId) => getAt(handles.encode(sector, [personId]), 0),
    listIdsOfEntryUuid: ({ sector }, uuid) => handles.listIdsOfEntryUuid(sector, uuid),
    findIdByUidNumber: async ({ sector }, uidNumber) => {
      const number = handles.numberOf(sector, uidNumber);
      return number === undefined ? undefined : store.read((tx) => findPersonIdByNumber(tx, number));
    },
    findPerson,
    listPeopleOfIds,
    findIdByLogin: async (typed) => {
      const login = parseLogin(typed);
      if (login === undefined) return undefined;
      return store.read((tx) => findActivePersonIdByIdentifier(tx, login.kind, login.value));
    },
    listPeople: async (client, after, limit) => {
      const ids = await store.read((tx) => listActivePersonIds(tx, after, limit));
      const people = await listPeopleOfIds(client, ids);
      return { people, next: ids.length === limit ? ids.at(-1) : undefined };
    },
  };
}

function decodeHandle(
  { clients, storedClients }: Pick<Deps, 'clients' | 'storedClients'>,
  handles: Handles,
  handle: string,
): DecodedHandle | undefined {
  const opened = handles.decode(handle);
  if (opened === undefined) return undefined;
  const client = [...clients.list(), ...storedClients.list()].find(
    (one) => one.ldap !== undefined && sectorTag(sectorOf(one)) === opened.sectorTag,
  );
  return { ...opened, clientId: client?.client_id };
}

function toDirectoryClient(client: ClientRegistration): DirectoryClient | undefined {
  if (client.ldap === undefined) return undefined;
  const entitlements = toEntitlements(client);
  return {
    clientId: client.client_id,
    sector: sectorOf(client),
    entitlements,
    shownSchoolTypes: entitlements.schoolTypes,
    canScan: client.ldap.scan,
    secretHashes: client.ldap.secret_sha256,
  };
}

/** @returns undefined without clients */
function combine(clients: readonly DirectoryClient[]): DirectoryClient | undefined {
  return clients.reduce<DirectoryClient | undefined>((all, one) => {
    if (all === undefined) return one;
    const [a, b] = [all.entitlements, one.entitlements];
    return {
      ...all,
      entitlements: {
        scopes: a.scopes.filter((scope) => b.scopes.includes(scope)),
        schoolTypes: a.schoolTypes.filter((type) => b.schoolTypes.includes(type)),
        permissions: a.permissions.filter((permission) => b.permissions.includes(permission)),
        roles: a.roles === undefined ? b.roles : a.roles.filter((role) => b.roles?.includes(role) ?? true),
      },
      shownSchoolTypes: [...all.shownSchoolTypes, ...one.shownSchoolTypes],
      canScan: false,
      secretHashes: [],
    };
  }, undefined);
}

/** Returns people as a client sees them today, without those whom it may not see. */
function viewPeople(
  { clock, pairwiseKey }: Pick<Deps, 'clock' | 'pairwiseKey'>,
  handles: Handles,
  { sector, entitlements, shownSchoolTypes }: DirectoryClient,
  people: readonly PersonFacts[],
): DirectoryPerson[] {
  const today = localDate(clock.now());
  const entitlementsToShow = { ...entitlements, schoolTypes: shownSchoolTypes };
  const shown = people.filter((facts) => isShownInDirectory(facts, entitlementsToShow, today));
  const ids = shown.map(({ id }) => id);
  const names = handles.encode(sector, ids);
  // Most searches request none of them. A search that does requests them of all people.
  const uuids = computeOnce(() => handles.entryUuids(sector, ids));
  const numbers = shown.flatMap(({ directoryNumber }) => directoryNumber ?? []);
  const uidNumbers = computeOnce(() => {
    const encrypted = handles.uidNumbers(sector, numbers);
    return new Map(numbers.map((number, at) => [number, getAt(encrypted, at)]));
  });
  return shown.map((facts, at) => ({
    facts,
    today,
    handle: getAt(names, at),
    get subject() {
      return pairwiseSub(pairwiseKey, sector, facts.id);
    },
    get entryUuid() {
      return getAt(uuids(), at);
    },
    get uidNumber() {
      return facts.directoryNumber === undefined ? undefined : uidNumbers().get(facts.directoryNumber);
    },
  }));
}

function computeOnce<T extends object>(compute: () => T): () => T {
  let value: T | undefined;
  return () => (value ??= compute());
}

/** @throws {RangeError} if there is no element */
function getAt<T>(values: readonly T[], at: number): T {
  const value = values[at];
  if (value === undefined) throw new RangeError(`no element at ${at}`);
  return value;
}
