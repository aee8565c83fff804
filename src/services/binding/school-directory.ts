import { matchSchools, type ListedSchool } from '../../domain/binding/school-search.ts';
import type { Store } from '../../store/database/index.ts';
import { findSchoolAccountLogin, type SchoolAccountLogin } from '../../store/binding/school-accounts.ts';
import { listOpenSchools } from '../../store/people/schools.ts';

/** The open schools of the city, and the school accounts of families in them. */
export interface SchoolDirectory {
  list(): Promise<ListedSchool[]>;
  /** Finds the open schools that a typed code, name or district means. */
  match(typed: string): Promise<readonly ListedSchool[]>;
  /** Returns the login of a school account; undefined for other accounts. */
  findLogin(personId: string): Promise<SchoolAccountLogin | undefined>;
}

export function createSchoolDirectory({ store }: { store: Store }): SchoolDirectory {
  const list = (): Promise<ListedSchool[]> => store.read((tx) => listOpenSchools(tx));
  return {
    list,
    match: async (typed) => matchSchools(await list(), typed),
    findLogin: (personId) => store.read((tx) => findSchoolAccountLogin(tx, personId)),
  };
}
