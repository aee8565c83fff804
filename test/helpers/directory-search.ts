/** Searches of the directory on a store, without a connection. */
import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';

import type { ClientEntitlements } from '../../src/domain/model.ts';
import { encode, integer, octets, readElement, readElements, TAG } from '../../src/ldap/codec/ber.ts';
import { createTree } from '../../src/ldap/directory/tree.ts';
import { search, SEARCH_LIMITS } from '../../src/ldap/operations/search.ts';
import {
  OID,
  type Control,
  type Entry,
  type Filter,
  type Result,
  type SearchRequest,
} from '../../src/ldap/protocol.ts';
import type { ReadDeps, SearchLimits } from '../../src/ldap/session.ts';
import { createDirectory, type DirectoryClient } from '../../src/services/directory/directory.ts';
import { createDirectoryGroups } from '../../src/services/directory/groups.ts';
import { createDirectoryLookups } from '../../src/services/directory/lookups.ts';
import type { Store } from '../../src/store/database/index.ts';
import type { Values } from './directory-filters.ts';
import { createTestServices } from './services.ts';

const tree = createTree('dc=city,dc=example');
const PEOPLE = tree.containerName('people');

export interface TestSearch {
  /** Returns the values of all people by their names, in lower case by attribute. */
  listAll(entitlements: ClientEntitlements): Promise<Map<string, Values>>;
  /** Searches without pages. @param canScan default: false */
  once(entitlements: ClientEntitlements, filter: Filter, options?: OnceOptions): Promise<Found>;
  byPages(entitlements: ClientEntitlements, filter: Filter, size: number): Promise<Found>;
}

interface OnceOptions {
  canScan?: boolean;
  timeLimitSeconds?: number;
}

export interface Found {
  result: Result['result'];
  names: string[];
}

interface Options {
  /** Few, so that ranges of the demo city are also read in the order of ids. */
  maxSmallRange: number;
  limits?: Partial<SearchLimits>;
  /** Called before an entry is sent. */
  onEntry?: () => void;
}

type Run = (
  client: DirectoryClient,
  request: Pick<SearchRequest, 'filter' | 'attributes'> & { timeLimitSeconds?: number },
  page?: Buffer,
) => Promise<{ result: Result; entries: Entry[] }>;

export function createTestSearch(store: Store, options: Options): TestSearch {
  const run = createRun(store, options);
  const clientOf = (entitlements: ClientEntitlements, canScan: boolean): DirectoryClient => ({
    ...{ clientId: 'x', sector: 'x.example', entitlements, canScan, secretHashes: ['hash'] },
    shownSchoolTypes: entitlements.schoolTypes,
  });
  const byPages = async (
    entitlements: ClientEntitlements,
    filter: Filter,
    size: number,
    attributes: readonly string[] = ['1.1'],
  ): Promise<Entry[]> => {
    const all: Entry[] = [];
    let cookie: Buffer = Buffer.alloc(0);
    do {
      const page = encode({ tag: TAG.sequence, content: [integer(size), octets(cookie)] });
      const { result, entries } = await run(clientOf(entitlements, true), { filter, attributes }, page);
      assert.equal(result.result, 'success');
      assert.ok(entries.length <= size);
      all.push(...entries);
      const value = result.controls?.[0]?.value ?? Buffer.alloc(0);
      cookie = readElements(readElement(value).content)[1]?.content ?? Buffer.alloc(0);
    } while (cookie.length > 0);
    return all;
  };
  return {
    listAll: async (entitlements) => {
      const entries = await byPages(entitlements, { kind: 'present', attribute: 'objectclass' }, 500, ['*', '+']);
      return new Map(
        entries.map(({ name, attributes }) => [
          name,
          new Map(attributes.map((one) => [one.name.toLowerCase(), one.values])),
        ]),
      );
    },
    once: async (entitlements, filter, { canScan = false, ...limits } = {}) => {
      const { result, entries } = await run(clientOf(entitlements, canScan), {
        ...{ filter, attributes: ['1.1'] },
        ...limits,
      });
      return { result: result.result, names: entries.map(({ name }) => name) };
    },
    byPages: async (...args) => ({ result: 'success', names: (await byPages(...args)).map(({ name }) => name) }),
  };
}

function createRun(store: Store, { maxSmallRange, limits, onEntry }: Options): Run {
  const services = createTestServices(store);
  const pairwiseKey = createSecretKey(randomBytes(32));
  const unused = { list: () => [], refresh: () => Promise.resolve(undefined), refreshAll: () => Promise.resolve() };
  const directory = createDirectory({ ...services, clients: unused, storedClients: unused, pairwiseKey });
  const groups = createDirectoryGroups(services);
  const lookups = createDirectoryLookups({
    ...services,
    directory,
    groups,
    ranges: { maxKept: 1, maxSmall: maxSmallRange },
  });
  return async (client, { timeLimitSeconds = 0, ...asked }, page) => {
    const deps: ReadDeps = {
      directory: { ...directory, findClient: () => Promise.resolve(client) },
      ...{ groups, lookups, tree, searchLimits: { ...SEARCH_LIMITS, ...limits } },
      binds: {
        bindService: () => Promise.reject(new Error('not called')),
        bindPerson: () => Promise.reject(new Error('not called')),
        isCurrent: () => Promise.resolve(false),
      },
      scanAudit: { recordStart: () => Promise.resolve() },
    };
    const entries: Entry[] = [];
    const controls: Control[] = page === undefined ? [] : [{ oid: OID.pagedResults, isCritical: true, value: page }];
    const context = {
      session: {
        identity: { kind: 'service', clientId: 'x', secretHash: 'hash', name: 'x' } as const,
        serviceId: undefined,
        isTls: true,
        address: '127.0.0.1',
      },
      ...{ controls, signal: new AbortController().signal, pause: () => undefined },
      send: (entry: Entry) => {
        onEntry?.();
        entries.push(entry);
      },
    };
    const request: SearchRequest = {
      ...{ kind: 'search', base: PEOPLE, scope: 'one', sizeLimit: 0, timeLimitSeconds, typesOnly: false },
      ...asked,
    };
    return { result: await search(deps, context, request), entries };
  };
}
