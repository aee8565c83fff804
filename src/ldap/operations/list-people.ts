import type { DirectoryPerson } from '../../services/directory/directory.ts';
import type { ListIds, PeopleLookup } from '../../services/directory/lookups.ts';
import type { Access, ReadDeps } from '../session.ts';

interface Reader {
  deps: { directory: Pick<ReadDeps['directory'], 'listPeople' | 'listPeopleOfIds'>; lookups: ReadDeps['lookups'] };
  access: Access;
}

/**
 * Lists people behind an id in batches, in the order of their ids.
 *
 * @param wanted the number of people that a page probably needs. More follow when it needs them.
 */
export type ListPeople = (after: string, wanted: number) => AsyncIterable<readonly DirectoryPerson[]>;

/** Most people whose data is read at once. */
const BATCH = 250;
/** People of the first batch behind those that a page wanted. A few of a page are not shown to the client. */
const SMALL_BATCH = 25;

/** Returns the sizes of the batches that read `wanted` people, and then ever more. */
export function* batchSizes(wanted: number): Generator<number, never> {
  for (let left = wanted; left > 0; left -= BATCH) yield Math.min(left, BATCH);
  for (let size = SMALL_BATCH; ; size = Math.min(2 * size, BATCH)) yield size;
}

/** Lists all people. */
export function scan({ deps: { directory }, access: { client } }: Reader): ListPeople {
  return async function* (after, wanted) {
    let from: string | undefined = after;
    for (const size of batchSizes(wanted)) {
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
  { deps, access: { client } }: Reader,
  lookups: readonly PeopleLookup[],
  sizes: (wanted: number) => Iterable<number> = batchSizes,
): ListPeople {
  return async function* (after, wanted) {
    const lists = await Promise.all(lookups.map((lookup) => deps.lookups.open(client, lookup)));
    let from: string | undefined = after;
    for (const size of sizes(wanted)) {
      const { ids, next } = await nextIds(lists, from, size);
      if (ids.length > 0) yield await deps.directory.listPeopleOfIds(client, ids);
      if (next === undefined) return;
      from = next;
    }
  };
}

/** Merges the next ids of several lists. A list that is full may have more ids behind its last one, so the batch ends there. */
async function nextIds(
  lists: readonly ListIds[],
  after: string,
  batch: number,
): Promise<{ ids: string[]; next: string | undefined }> {
  const found = await Promise.all(lists.map((list) => list(after, batch)));
  const [end] = found.flatMap((ids) => (ids.length < batch ? [] : (ids.at(-1) ?? []))).sort();
  const ids = [...new Set(found.flat())].filter((id) => end === undefined || id <= end).sort();
  return { ids, next: end };
}
