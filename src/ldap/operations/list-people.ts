import type { DirectoryPerson } from '../../services/directory/directory.ts';
import type { ListIds, PeopleLookup } from '../../services/directory/lookups.ts';
import type { Access, OperationContext, ReadDeps } from '../session.ts';

interface Reader {
  deps: { directory: Pick<ReadDeps['directory'], 'listPeople' | 'listPeopleOfIds'>; lookups: ReadDeps['lookups'] };
  access: Access;
  context: Pick<OperationContext, 'pause'>;
}

/**
 * Reads the next people. Callers wait between two batches only, when no people are in memory.
 *
 * @returns undefined behind the last ones
 */
export type NextPeople = () => Promise<readonly DirectoryPerson[] | undefined>;

/** Begins to read the people behind an id, in the order of their ids, in batches of these sizes. */
export type OpenPeople = (after: string, sizes: Generator<number, never>) => NextPeople;

/** Most people whose data one search holds at once, about 3 kB each. */
export const MAX_PEOPLE_AT_ONCE = 50;
/** People of the first batch behind those that a page wanted. A few of a page are not shown to the client. */
const SMALL_BATCH = 25;

/** Lookups that are read at once: on PostgreSQL they wait together. On SQLite nothing else runs meanwhile. */
const MAX_LOOKUPS_AT_ONCE = 4;

/**
 * Returns the sizes of batches: first `wanted` people in all, then batches that grow up to `most`.
 *
 * @param wanted the number of people that a page probably needs. More follow when it needs them.
 * @param most people of one batch
 */
export function* batchSizes(wanted: number, most: number): Generator<number, never> {
  for (let left = wanted; left > 0; left -= most) yield Math.min(left, most);
  for (let size = SMALL_BATCH; ; size *= 2) yield Math.min(size, most);
}

/** Returns how to read all people. */
export function scan({ deps: { directory }, access: { client } }: Reader): OpenPeople {
  return (after, sizes) => {
    let from: string | undefined = after;
    return async () => {
      if (from === undefined) return undefined;
      const { people, next } = await directory.listPeople(client, from, sizes.next().value);
      from = next;
      return people;
    };
  };
}

/** Returns how to read the person who is bound. */
export function readOwn({ deps: { directory }, access: { client } }: Reader, personId: string): OpenPeople {
  return (after) => {
    let isRead = personId <= after;
    return async () => {
      if (isRead) return undefined;
      isRead = true;
      return directory.listPeopleOfIds(client, [personId]);
    };
  };
}

/** Returns how to read the people of lookups, each once. */
export function lookUp({ deps, access: { client }, context }: Reader, lookups: readonly PeopleLookup[]): OpenPeople {
  return (after, sizes) => {
    let lists: ListIds[] | undefined;
    let from: string | undefined = after;
    let waiting: string[] = [];
    return async () => {
      lists ??= await openLists(deps.lookups, client, lookups, context);
      const size = sizes.next().value;
      if (waiting.length === 0 && from !== undefined)
        ({ ids: waiting, next: from } = await nextIds(context, lists, from, size));
      if (waiting.length === 0) return from === undefined ? undefined : [];
      return deps.directory.listPeopleOfIds(client, waiting.splice(0, size));
    };
  };
}

async function openLists(
  service: ReadDeps['lookups'],
  client: Access['client'],
  lookups: readonly PeopleLookup[],
  { pause }: Reader['context'],
): Promise<ListIds[]> {
  const lists: ListIds[] = [];
  for (const some of chunksOf(lookups, MAX_LOOKUPS_AT_ONCE)) {
    await pause();
    lists.push(...(await Promise.all(some.map((lookup) => service.open(client, lookup)))));
  }
  return lists;
}

/** Merges the next ids of several lists. A list that is full may have more ids behind its last one, so the batch ends there. */
async function nextIds(
  { pause }: Reader['context'],
  lists: readonly ListIds[],
  after: string,
  batch: number,
): Promise<{ ids: string[]; next: string | undefined }> {
  const found: string[][] = [];
  for (const some of chunksOf(lists, MAX_LOOKUPS_AT_ONCE)) {
    await pause();
    found.push(...(await Promise.all(some.map((list) => list(after, batch)))));
  }
  const [end] = found.flatMap((ids) => (ids.length < batch ? [] : (ids.at(-1) ?? []))).sort();
  const ids = [...new Set(found.flat())].filter((id) => end === undefined || id <= end).sort();
  return { ids, next: end };
}

/** Returns the parts of a list, each of up to `size` elements. */
export function* chunksOf<T>(all: readonly T[], size: number): Generator<T[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}
