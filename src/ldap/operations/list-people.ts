import type { DirectoryPerson } from '../../services/directory/directory.ts';
import type { ListIds, PeopleLookup } from '../../services/directory/lookups.ts';
import type { Access, ReadDeps } from '../session.ts';

interface Reader {
  deps: { directory: Pick<ReadDeps['directory'], 'listPeople' | 'listPeopleOfIds'>; lookups: ReadDeps['lookups'] };
  access: Access;
}

/** Lists people behind an id in batches, in the order of their ids. */
export type ListPeople = (after: string) => AsyncIterable<readonly DirectoryPerson[]>;

/** People whose data is read at once. */
const BATCH = 250;

/** Lists all people. */
export function scan({ deps: { directory }, access: { client } }: Reader): ListPeople {
  return async function* (after) {
    let from: string | undefined = after;
    while (from !== undefined) {
      const { people, next } = await directory.listPeople(client, from, BATCH);
      yield people;
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
  batch: number = BATCH,
): ListPeople {
  return async function* (after) {
    const lists = await Promise.all(lookups.map((lookup) => deps.lookups.open(client, lookup)));
    let from: string | undefined = after;
    while (from !== undefined) {
      const { ids, next } = await nextIds(lists, from, batch);
      if (ids.length > 0) yield await deps.directory.listPeopleOfIds(client, ids);
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
