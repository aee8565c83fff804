import type { DirectoryPerson } from '../../services/directory/directory.ts';
import { createPersonEntries, type DirectoryEntry } from '../directory/entries.ts';
import type { Access, ReadDeps } from '../session.ts';

interface Reader {
  deps: ReadDeps;
  access: Access;
}

/** Finds the person of a handle. A person who is bound finds only the own entry. */
export async function findPerson(
  { deps: { directory }, access: { client, onlyPersonId } }: Reader,
  handle: string,
): Promise<DirectoryPerson | undefined> {
  const personId = directory.openHandle(client, handle);
  if (personId === undefined || (onlyPersonId ?? personId) !== personId) return undefined;
  return directory.findPerson(client, personId);
}

export async function findPersonEntry(reader: Reader, handle: string): Promise<DirectoryEntry | undefined> {
  const person = await findPerson(reader, handle);
  return person && personEntriesOf(reader)(person);
}

/** Returns how to create the entries of people. */
export function personEntriesOf({
  deps: { tree, directory },
  access: { client },
}: Reader): (person: DirectoryPerson) => DirectoryEntry {
  return createPersonEntries(tree, client, (personId) => directory.handleOf(client, personId));
}
