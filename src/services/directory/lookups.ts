import type { Group } from '../../domain/directory/groups.ts';
import { searchableName } from '../../domain/text.ts';
import type { Store } from '../../store/database/index.ts';
import { listIdsInOrder, listIdsOfRange, prefixRange, type PeopleRange } from '../../store/directory/people.ts';
import type { Directory, DirectoryClient } from './directory.ts';
import type { DirectoryGroups } from './groups.ts';

/** A way to find people by an index. It finds every person who has the value, and maybe others. */
export type PeopleLookup =
  | { by: 'login' | 'login_prefix' | 'handle' | 'entry_uuid'; value: string }
  | { by: 'uid_number'; value: number }
  | NameLookup
  /** Instants, both included. */
  | { by: 'created' | 'modified'; from: number; to: number }
  | { by: 'group'; group: Group };

export interface NameLookup {
  by: 'name' | 'name_prefix';
  value: string;
}

/** Lists the ids behind `after` of up to `limit` people, in their order. Fewer are the last. */
export type ListIds = (after: string, limit: number) => Promise<string[]>;

export interface DirectoryLookups {
  open(client: DirectoryClient, lookup: PeopleLookup): Promise<ListIds>;
}

interface Deps {
  store: Store;
  directory: Pick<Directory, 'findIdByLogin' | 'openHandle' | 'listIdsOfEntryUuid' | 'findIdByUidNumber'>;
  groups: Pick<DirectoryGroups, 'findGroups' | 'listMemberIds'>;
  /** Default: `RANGES`. */
  ranges?: typeof RANGES;
}

const RANGES = {
  /** Most people of a range whose ids a lookup keeps. A search has up to 100 lookups, and may wait long between two batches. */
  maxKept: 10,
  /** Most people of a range that each batch reads as a whole. A larger range is read in the order of ids, which then finds a batch soon. */
  maxSmall: 2_000,
};

export function createDirectoryLookups({
  store,
  directory,
  groups,
  ranges: { maxKept, maxSmall } = RANGES,
}: Deps): DirectoryLookups {
  const openRange = async (range: PeopleRange): Promise<ListIds> => {
    const ids = await store.read((tx) => listIdsOfRange(tx, range, maxSmall + 1));
    if (ids.length <= maxKept) return listOf(ids);
    const size = ids.length <= maxSmall ? 'small' : 'large';
    return (after, limit) => store.read((tx) => listIdsInOrder(tx, range, { after, limit, size }));
  };
  const openGroup = async (client: DirectoryClient, named: Group): Promise<ListIds> => {
    const [group] = await groups.findGroups(client, [named]);
    return group === undefined ? listOf([]) : (after, limit) => groups.listMemberIds(group, after, limit);
  };
  return {
    open: async (client, lookup) => {
      switch (lookup.by) {
        case 'login':
          return listOf([await directory.findIdByLogin(lookup.value)]);
        case 'handle':
          return listOf([directory.openHandle(client, lookup.value)]);
        case 'entry_uuid':
          return listOf(directory.listIdsOfEntryUuid(client, lookup.value));
        case 'uid_number':
          return listOf([await directory.findIdByUidNumber(client, lookup.value)]);
        case 'login_prefix':
          return openRange({ by: 'login', ...prefixRange(lookup.value) });
        case 'name':
        case 'name_prefix': {
          const range = nameRange(lookup);
          if (range === undefined) throw new RangeError('no index finds this name');
          return openRange({ by: 'name', ...range });
        }
        case 'created':
        case 'modified':
          return openRange(lookup);
        case 'group':
          return openGroup(client, lookup.group);
      }
    },
  };
}

function listOf(ids: readonly (string | undefined)[]): ListIds {
  const sorted = [...new Set(ids)].filter((id) => id !== undefined).sort();
  return (after, limit) => Promise.resolve(sorted.filter((id) => id > after).slice(0, limit));
}

/**
 * Returns the stored names that may be equal to a name, or begin with it. They keep both forms of a small sigma, so the range ends before it.
 *
 * @returns undefined when the range would be all names
 */
export function nameRange({ by, value }: NameLookup): { from: string; to: string } | undefined {
  const name = searchableName(value);
  const sigma = name.search(/[σς]/);
  if (by === 'name' && sigma < 0) return { from: name, to: name };
  const prefix = sigma < 0 ? name : name.slice(0, sigma);
  return prefix === '' ? undefined : prefixRange(prefix);
}
