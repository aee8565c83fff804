import type { DirectoryPerson } from '../../services/directory/directory.ts';
import { createPersonEntries, type DirectoryEntry } from '../directory/entries.ts';
import type { Access, ReadDeps } from '../session.ts';

interface Reader {
  deps: ReadDeps;
  access: Access;
}

/** Finds the id of the person that a handle names. A person who is bound finds only the own entry. */
export function findPersonId(
  { deps: { directory }, access: { client, onlyPersonId } }: Reader,
  handle: string,
): string | undefined {
  const personId = directory.openHandle(client, handle);
  return personId !== undefined && (onlyPersonId ?? personId) === personId ? personId : undefined;
}

export async function findPersonEntry(reader: Reader, handle: string): Promise<DirectoryEntry | undefined> {
  const personId = findPersonId(reader, handle);
  if (personId === undefined) return undefined;
  const person = await reader.deps.directory.findPerson(reader.access.client, personId);
  return person && personEntriesOf(reader)(person);
}

/** Returns how to create the entries of people. */
export function personEntriesOf({
  deps: { tree, directory },
  access: { client },
}: Reader): (person: DirectoryPerson) => DirectoryEntry {
  return createPersonEntries(tree, client, (personId) => directory.handleOf(client, personId));
}
