import { foldText } from '../../domain/directory/folding.ts';
import { CITY_PEOPLE, SCHOOL_PEOPLE, type Group } from '../../domain/directory/groups.ts';
import type { School } from '../../domain/model.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
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
  /** Finds groups by their names, in any case. @returns those that exist, as they are stored */
  findGroups(client: DirectoryClient, groups: readonly Group[]): Promise<Group[]>;
  /** Lists the ids behind `after` of up to `limit` people who may be in a group that `findGroups` returned, in their order. */
  listMemberIds(group: Group, after: string, limit: number): Promise<string[]>;
}

export function createDirectoryGroups({ store }: { store: Store }): DirectoryGroups {
  const listVisible: DirectoryGroups['listSchools'] = async (client) => {
    const schools = await store.read((tx) => listSchools(tx));
    return schools.filter((school) => isVisible(client, school));
  };
  const findSchools = async (
    client: DirectoryClient,
    codes: readonly string[],
  ): Promise<(code: string) => School | undefined> => {
    const exact = await store.read((tx) => listSchoolsByCode(tx, codes));
    const byCode = new Map(exact.map((school) => [school.code, school]));
    const others = codes.every((code) => byCode.has(code)) ? [] : await listVisible(client);
    const byFolded = new Map(others.map((school) => [foldText(school.code), school]));
    return (code) => {
      const school = byCode.get(code) ?? byFolded.get(foldText(code));
      return school !== undefined && isVisible(client, school) ? school : undefined;
    };
  };
  const findGroups: DirectoryGroups['findGroups'] = async (client, groups) => {
    if (!seesGroups(client)) return [];
    const schoolCodes = groups.flatMap((group) => (group.kind === 'city' ? [] : group.schoolCode));
    const schoolOf = await findSchools(client, [...new Set(schoolCodes)]);
    const classes = await store.read((tx) => listClasses(tx, groups, schoolOf));
    return groups.flatMap((group) => toStored(group, schoolOf, classes) ?? []);
  };
  return {
    findSchool: async (client, code) => (await findSchools(client, [code]))(code),
    listSchools: listVisible,
    findGroups,
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

/** Lists the classes that the groups may name. Reads all of a school only if a name differs from the stored one. */
async function listClasses(
  tx: Transaction,
  groups: readonly Group[],
  schoolOf: (code: string) => School | undefined,
): Promise<{ schoolCode: string; classno: string }[]> {
  const named = groups.flatMap((group) => {
    const schoolCode = group.kind === 'class' ? schoolOf(group.schoolCode)?.code : undefined;
    return group.kind === 'class' && schoolCode !== undefined ? [{ schoolCode, classno: group.classno }] : [];
  });
  const schoolCodes = [...new Set(named.map(({ schoolCode }) => schoolCode))];
  const exact = await listClassNumbers(tx, schoolCodes, [...new Set(named.map(({ classno }) => classno))]);
  const isExact = named.every((one) =>
    exact.some(({ schoolCode, classno }) => schoolCode === one.schoolCode && classno === one.classno),
  );
  return isExact ? exact : listClassNumbers(tx, schoolCodes);
}

/** @returns undefined if the school or the class does not exist */
function toStored(
  group: Group,
  schoolOf: (code: string) => School | undefined,
  classes: readonly { schoolCode: string; classno: string }[],
): Group | undefined {
  if (group.kind === 'city') return group;
  const schoolCode = schoolOf(group.schoolCode)?.code;
  if (schoolCode === undefined) return undefined;
  if (group.kind === 'school') return { ...group, schoolCode };
  const numbers = classes.flatMap((one) => (one.schoolCode === schoolCode ? one.classno : []));
  const classno =
    numbers.find((one) => one === group.classno) ?? numbers.find((one) => foldText(one) === foldText(group.classno));
  return classno === undefined ? undefined : { ...group, schoolCode, classno };
}

function isVisible({ entitlements }: DirectoryClient, { type }: School): boolean {
  return entitlements.schoolTypes.includes(type);
}

function seesGroups({ entitlements }: DirectoryClient): boolean {
  return entitlements.scopes.includes('roles');
}
