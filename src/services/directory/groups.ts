import { foldText } from '../../domain/directory/folding.ts';
import { CITY_PEOPLE, SCHOOL_PEOPLE, type Group } from '../../domain/directory/groups.ts';
import type { School } from '../../domain/model.ts';
import type { Store } from '../../store/database/index.ts';
import {
  listCityIds,
  listClassNumbers,
  listClassStudentIds,
  listStudentIds,
  listTeacherIds,
} from '../../store/directory/groups.ts';
import { listSchools, listSchoolsByCode } from '../../store/people/schools.ts';
import type { DirectoryClient } from './directory.ts';

/** The schools and groups that a client sees: schools of its types, and groups if it has the scope `roles`. */
export interface DirectoryGroups {
  listSchools(client: DirectoryClient): Promise<School[]>;
  /** Finds a school by its code, in any case. */
  findSchool(client: DirectoryClient, code: string): Promise<School | undefined>;
  /** Lists the groups of the city and of schools. Classes are found by name. */
  listGroups(client: DirectoryClient): Promise<Group[]>;
  /** Finds a group by its name, in any case. @returns the group as it is stored */
  findGroup(client: DirectoryClient, group: Group): Promise<Group | undefined>;
  /** Lists the ids behind `after` of up to `limit` people who may be in a group that `findGroup` returned, in their order. */
  listMemberIds(group: Group, after: string, limit: number): Promise<string[]>;
}

export function createDirectoryGroups({ store }: { store: Store }): DirectoryGroups {
  const listVisible: DirectoryGroups['listSchools'] = async (client) => {
    const schools = await store.read((tx) => listSchools(tx));
    return schools.filter((school) => isVisible(client, school));
  };
  const findSchool: DirectoryGroups['findSchool'] = async (client, code) => {
    const [school] = await store.read((tx) => listSchoolsByCode(tx, [code]));
    if (school !== undefined) return isVisible(client, school) ? school : undefined;
    return (await listVisible(client)).find((one) => foldText(one.code) === foldText(code));
  };
  const findGroup: DirectoryGroups['findGroup'] = async (client, group) => {
    if (!seesGroups(client)) return undefined;
    if (group.kind === 'city') return group;
    const school = await findSchool(client, group.schoolCode);
    if (school === undefined) return undefined;
    const { code: schoolCode } = school;
    if (group.kind === 'school') return { ...group, schoolCode };
    const numbers = await store.read((tx) => listClassNumbers(tx, schoolCode));
    const classno =
      numbers.find((one) => one === group.classno) ?? numbers.find((one) => foldText(one) === foldText(group.classno));
    return classno === undefined ? undefined : { ...group, schoolCode, classno };
  };
  return {
    findSchool,
    listSchools: listVisible,
    findGroup,
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
    listMemberIds: (group, after, limit) =>
      store.read((tx) => {
        if (group.kind === 'city') return listCityIds(tx, group.people, after, limit);
        if (group.kind === 'class') return listClassStudentIds(tx, group, after, limit);
        const list = group.people === 'teachers' ? listTeacherIds : listStudentIds;
        return list(tx, group.schoolCode, after, limit);
      }),
  };
}

function isVisible({ entitlements }: DirectoryClient, { type }: School): boolean {
  return entitlements.schoolTypes.includes(type);
}

function seesGroups({ entitlements }: DirectoryClient): boolean {
  return entitlements.scopes.includes('roles');
}
