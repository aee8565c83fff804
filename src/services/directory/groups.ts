import { CITY_PEOPLE, SCHOOL_PEOPLE, type Group, type GroupOfSchool } from '../../domain/directory/groups.ts';
import type { School } from '../../domain/model.ts';
import type { Store } from '../../store/database/index.ts';
import { hasClass, listClassStudentIds, listStudentIds, listTeacherIds } from '../../store/directory/groups.ts';
import { listSchools, listSchoolsByCode } from '../../store/people/schools.ts';
import type { DirectoryClient } from './directory.ts';

/** The schools and groups that a client sees: schools of its types, and groups if it has the scope `roles`. */
export interface DirectoryGroups {
  listSchools(client: DirectoryClient): Promise<School[]>;
  findSchool(client: DirectoryClient, code: string): Promise<School | undefined>;
  /** Lists the groups of the city and of schools. Classes are found by name. */
  listGroups(client: DirectoryClient): Promise<Group[]>;
  hasGroup(client: DirectoryClient, group: Group): Promise<boolean>;
  /** Lists the ids behind `after` of people who may be in a group, in their order. */
  listMemberIds(client: DirectoryClient, group: GroupOfSchool, after: string): Promise<string[]>;
}

export function createDirectoryGroups({ store }: { store: Store }): DirectoryGroups {
  const findSchool: DirectoryGroups['findSchool'] = async (client, code) => {
    const [school] = await store.read((tx) => listSchoolsByCode(tx, [code]));
    return school && isVisible(client, school) ? school : undefined;
  };
  const listVisible: DirectoryGroups['listSchools'] = async (client) => {
    const schools = await store.read((tx) => listSchools(tx));
    return schools.filter((school) => isVisible(client, school));
  };
  const hasGroup: DirectoryGroups['hasGroup'] = async (client, group) => {
    if (!seesGroups(client)) return false;
    if (group.kind === 'city') return true;
    if ((await findSchool(client, group.schoolCode)) === undefined) return false;
    return group.kind === 'school' || store.read((tx) => hasClass(tx, group));
  };
  return {
    findSchool,
    listSchools: listVisible,
    hasGroup,
    listGroups: async (client) => {
      if (!seesGroups(client)) return [];
      const schools = await listVisible(client);
      return [
        ...CITY_PEOPLE.map((people): Group => ({ kind: 'city', people })),
        ...schools.flatMap(({ code }) =>
          SCHOOL_PEOPLE.map((people): Group => ({ kind: 'school', schoolCode: code, people })),
        ),
      ];
    },
    listMemberIds: async (client, group, after) => {
      if (!(await hasGroup(client, group))) return [];
      return store.read((tx) => {
        if (group.kind === 'class') return listClassStudentIds(tx, group, after);
        const list = group.people === 'teachers' ? listTeacherIds : listStudentIds;
        return list(tx, group.schoolCode, after);
      });
    },
  };
}

function isVisible({ entitlements }: DirectoryClient, { type }: School): boolean {
  return entitlements.schoolTypes.includes(type);
}

function seesGroups({ entitlements }: DirectoryClient): boolean {
  return entitlements.scopes.includes('roles');
}
