import type { DirectoryPerson } from '../../services/directory/directory.ts';
import type { ListIds, PeopleLookup } from '../../services/directory/lookups.ts';
import type { Access, OperationContext, ReadDeps } from '../session.ts';

interface Reader {
  deps: { directory: Pick<ReadDeps['directory'], 'listPeople' | 'listPeopleOfIds'>; lookups: ReadDeps['lookups'] };
  access: Access;
  context: Pick<OperationContext, 'pause'>;
}

/**
 * Lists people behind an id in batches, in the order of their ids.
 *
 * @param wanted the number of people that a page probably needs. More follow when it needs them.
 */
export type ListPeople = (after: string, wanted: number) => AsyncIterable<readonly DirectoryPerson[]>;

/** Most people whose data is read at once. A search holds them while its peer does not read, about 3 kB each. */
export const MAX_PEOPLE_AT_ONCE = 50;
/** People of the first batch behind those that a page wanted. A few of a page are not shown to the client. */
const SMALL_BATCH = 25;

/** Lookups that are read at once: on PostgreSQL they wait together. On SQLite nothing else runs meanwhile. */
const MAX_LOOKUPS_AT_ONCE = 4;

/** Returns the sizes of the batches that read `wanted` people, and then ever more. */
export function* batchSizes(wanted: number): Generator<number, never> {
  for (let left = wanted; left > 0; left -= MAX_PEOPLE_AT_ONCE) yield Math.min(left, MAX_PEOPLE_AT_ONCE);
  for (let size = SMALL_BATCH; ; size = Math.min(2 * size, MAX_PEOPLE_AT_ONCE)) yield size;
}

/** Lists all people. */
export function scan({ deps: { directory }, access: { client }, context }: Reader): ListPeople {
  return async function* (after, wanted) {
    let from: string | undefined = after;
    for (const size of batchSizes(wanted)) {
      await context.pause();
      const { people, next } = await directory.listPeople(client, from, size);
      yield people;
      if (next === undefined) return;
      from = next;
    }
  };
}

/** Lists the person who is bound. */
export function listOwn({ deps: { directory }, access: { client } }: Reader, personId: string): ListPeople {
  return async function* (after) {
    if (personId > after) yield await directory.listPeopleOfIds(client, [personId]);
  };
}

/** Lists the people of lookups, each once. */
export function lookUp(
  { deps, access: { client }, context }: Reader,
  lookups: readonly PeopleLookup[],
  sizes: (wanted: number) => Iterable<number> = batchSizes,
): ListPeople {
  return async function* (after, wanted) {
    const lists: ListIds[] = [];
    for (const some of chunksOf(lookups, MAX_LOOKUPS_AT_ONCE)) {
      await context.pause();
      lists.push(...(await Promise.all(some.map((lookup) => deps.lookups.open(client, lookup)))));
    }
    let from: string | undefined = after;
    for (const size of sizes(wanted)) {
      const { ids, next } = await nextIds(context, lists, from, size);
      for (const some of chunksOf(ids, MAX_PEOPLE_AT_ONCE)) {
        await context.pause();
        yield await deps.directory.listPeopleOfIds(client, some);
      }
      if (next === undefined) return;
      from = next;
    }
  };
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
