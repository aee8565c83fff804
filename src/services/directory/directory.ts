import type { KeyObject } from 'node:crypto';
import { sectorOf, type ClientRegistration } from '../../config/clients.ts';
import { pairwiseSub } from '../../domain/claims/pairwise.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import { parseLogin } from '../../domain/credentials/identifiers.ts';
import { isShownInDirectory } from '../../domain/directory/visibility.ts';
import type { ClientEntitlements, PersonFacts } from '../../domain/model.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Store } from '../../store/database/index.ts';
import { listActivePersonIds } from '../../store/directory/people.ts';
import { findActivePersonIdByIdentifier } from '../../store/people/people.ts';
import { toEntitlements, type ClientRegistry } from '../access/client-registry.ts';
import { findFacts } from '../people/people.ts';
import { createHandles, sectorTag, type Handles } from './handles.ts';

/** A client that is registered for the directory. */
export interface DirectoryClient {
  clientId: string;
  sector: string;
  entitlements: ClientEntitlements;
  /** The client may list people without an index. */
  canScan: boolean;
}

/** A person as the directory shows them to one client. */
export interface DirectoryPerson {
  facts: PersonFacts;
  /** The name of the entry. */
  handle: string;
  /** The `sub` of OpenID Connect in the same sector. */
  subject: string;
  entryUuid: string;
  today: string;
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
  /** Finds a client of the sector that a handle was made for. */
  findClientOfHandle(handle: string): Promise<DirectoryClient | undefined>;
  /** Returns the id of the person that a handle of this client's sector names. It may not exist. */
  openHandle(client: DirectoryClient, handle: string): string | undefined;
  handleOf(client: DirectoryClient, personId: string): string;
  findPerson(client: DirectoryClient, personId: string): Promise<DirectoryPerson | undefined>;
  /** Finds the id of the active person with this email address, mobile number or account name. */
  findIdByLogin(typed: string): Promise<string | undefined>;
  /** Lists people behind an id. Reads up to `limit` people; those that the client may not see are left out. */
  listPeople(client: DirectoryClient, after: string, limit: number): Promise<PeopleBatch>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
  log: Logger;
  clients: Pick<ClientRegistry, 'refresh' | 'list'>;
  storedClients: { list(): readonly ClientRegistration[] };
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
    return facts && toPerson(deps, handles, client, facts);
  };
  return {
    findClient,
    findClientOfHandle: async (handle) => {
      const opened = handles.decode(handle);
      if (opened === undefined) return undefined;
      const known = [...clients.list(), ...storedClients.list()].find(
        (client) => client.ldap !== undefined && sectorTag(sectorOf(client)) === opened.sectorTag,
      );
      return known && findClient(known.client_id);
    },
    openHandle: (client, handle) => {
      const opened = handles.decode(handle);
      return opened?.sectorTag === sectorTag(client.sector) ? opened.personId : undefined;
    },
    handleOf: (client, personId) => handles.encode(client.sector, personId),
    findPerson,
    findIdByLogin: async (typed) => {
      const login = parseLogin(typed);
      if (login === undefined) return undefined;
      return store.read((tx) => findActivePersonIdByIdentifier(tx, login.kind, login.value));
    },
    listPeople: async (client, after, limit) => {
      const ids = await store.read((tx) => listActivePersonIds(tx, after, limit));
      const found: DirectoryPerson[] = [];
      for (const id of ids) {
        const person = await findPerson(client, id);
        if (person !== undefined) found.push(person);
      }
      return { people: found, next: ids.length === limit ? ids.at(-1) : undefined };
    },
  };
}

function toDirectoryClient(client: ClientRegistration): DirectoryClient | undefined {
  if (client.ldap === undefined) return undefined;
  return {
    clientId: client.client_id,
    sector: sectorOf(client),
    entitlements: toEntitlements(client),
    canScan: client.ldap.scan,
  };
}

function toPerson(
  { clock, pairwiseKey }: Pick<Deps, 'clock' | 'pairwiseKey'>,
  handles: Handles,
  { sector, entitlements }: DirectoryClient,
  facts: PersonFacts,
): DirectoryPerson | undefined {
  const today = localDate(clock.now());
  if (!isShownInDirectory(facts, entitlements, today)) return undefined;
  return {
    facts,
    handle: handles.encode(sector, facts.id),
    subject: pairwiseSub(pairwiseKey, sector, facts.id),
    entryUuid: handles.entryUuid(sector, facts.id),
    today,
  };
}
