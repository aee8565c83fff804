/** A group of people in the directory. Its members follow from current roles, so they are not stored. */
export type Group = { kind: 'city'; people: CityPeople } | GroupOfSchool;
/** A group that the school indexes. */
export type GroupOfSchool =
  { kind: 'school'; schoolCode: string; people: SchoolPeople } | { kind: 'class'; schoolCode: string; classno: string };

export const CITY_PEOPLE = ['teachers', 'students', 'parents'] as const;
export type CityPeople = (typeof CITY_PEOPLE)[number];
export const SCHOOL_PEOPLE = ['teachers', 'students'] as const;
export type SchoolPeople = (typeof SCHOOL_PEOPLE)[number];

const CLASS_NAME = /^(?<schoolCode>[^-]+)-class-(?<classno>.+)$/;
const SCHOOL_NAME = /^(?<schoolCode>[^-]+)-(?<people>teachers|students)$/;

/** Formats the name of a group: `teachers`, `993301-teachers`, `993301-class-203`. */
export function formatGroupName(group: Group): string {
  if (group.kind === 'city') return group.people;
  return group.kind === 'school' ? `${group.schoolCode}-${group.people}` : `${group.schoolCode}-class-${group.classno}`;
}

/** @returns undefined if no group can have this name */
export function parseGroupName(name: string): Group | undefined {
  const lower = name.toLowerCase();
  const city = CITY_PEOPLE.find((one) => one === lower);
  if (city !== undefined) return { kind: 'city', people: city };
  const { schoolCode, classno } = CLASS_NAME.exec(name)?.groups ?? {};
  if (schoolCode !== undefined && classno !== undefined) return { kind: 'class', schoolCode, classno };
  const ofSchool = SCHOOL_NAME.exec(lower)?.groups;
  const people = SCHOOL_PEOPLE.find((one) => one === ofSchool?.['people']);
  const code = ofSchool?.['schoolCode'];
  return people === undefined || code === undefined ? undefined : { kind: 'school', schoolCode: code, people };
}

/** A role at a school, from which groups follow. */
interface Affiliation {
  role: string;
  school_code: string;
  classno?: string | undefined;
}

const PEOPLE_OF_ROLE: Readonly<Record<string, CityPeople>> = {
  teacher: 'teachers',
  student: 'students',
  parent: 'parents',
};

/** Lists the groups of a person who has these roles in the city, and these affiliations at schools. */
export function groupsOf(roles: readonly string[], affiliations: readonly Affiliation[]): Group[] {
  const city = CITY_PEOPLE.filter((people) => roles.some((role) => PEOPLE_OF_ROLE[role] === people));
  const ofSchools = affiliations.flatMap(({ role, school_code: schoolCode, classno }): Group[] => {
    const people = SCHOOL_PEOPLE.find((one) => PEOPLE_OF_ROLE[role] === one);
    if (people === undefined) return [];
    const group: Group = { kind: 'school', schoolCode, people };
    return people === 'students' && classno !== undefined ? [group, { kind: 'class', schoolCode, classno }] : [group];
  });
  return [...city.map((people): Group => ({ kind: 'city', people })), ...ofSchools];
}
