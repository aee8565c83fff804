import { schoolEntry, type DirectoryEntry } from '../directory/entries.ts';
import type { Access, ReadDeps } from '../session.ts';

interface Search {
  deps: ReadDeps;
  access: Access;
}

/** Lists the schools that the client sees. */
export async function listSchoolEntries({ deps, access: { client } }: Search): Promise<Iterable<DirectoryEntry>> {
  const schools = await deps.groups.listSchools(client);
  return schools.values().map((school) => schoolEntry(deps.tree, school));
}

export async function findSchoolEntry(
  { deps, access: { client } }: Search,
  code: string,
): Promise<DirectoryEntry | undefined> {
  const school = await deps.groups.findSchool(client, code);
  return school && schoolEntry(deps.tree, school);
}
