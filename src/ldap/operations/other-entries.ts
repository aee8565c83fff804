import { foldText } from '../../domain/directory/folding.ts';
import { formatGroupName, groupsOf, parseGroupName, type Group } from '../../domain/directory/groups.ts';
import { affiliationsOf, rolesOf } from '../../domain/claims/claims.ts';
import { groupEntry, schoolEntry, type DirectoryEntry } from '../directory/entries.ts';
import { valuesOfEquality } from '../directory/plan.ts';
import type { Filter } from '../protocol.ts';
import type { Access, ReadDeps } from '../session.ts';
import { findPerson } from './people.ts';

interface Search {
  deps: ReadDeps;
  access: Access;
}

/** Lists the schools that the client sees. */
export async function listSchoolEntries({ deps, access: { client } }: Search): Promise<DirectoryEntry[]> {
  const schools = await deps.groups.listSchools(client);
  return schools.map((school) => schoolEntry(deps.tree, school));
}

export async function findSchoolEntry(
  { deps, access: { client } }: Search,
  code: string,
): Promise<DirectoryEntry | undefined> {
  const school = await deps.groups.findSchool(client, code);
  return school && schoolEntry(deps.tree, school);
}

/**
 * Lists the groups that may match a filter: those of the city and of schools, and the classes that the filter names, or whose member it
 * names.
 */
export async function listGroupEntries(search: Search, filter: Filter): Promise<DirectoryEntry[]> {
  const { groups } = search.deps;
  const { client } = search.access;
  const members = await readMembers(search, filter);
  const named = valuesOfEquality(filter, 'cn').flatMap((name) => parseGroupName(foldText(name)) ?? []);
  const known = await groups.listGroups(client);
  const byName = new Map(known.map((group) => [formatGroupName(group), group]));
  for (const one of [...named, ...members.flatMap((member) => member.groups)]) {
    const group = byName.has(formatGroupName(one)) ? undefined : await groups.findGroup(client, one);
    if (group !== undefined) byName.set(formatGroupName(group), group);
  }
  return [...byName.values()].map((group) => toEntry(search, group, members));
}

/** @param filter its assertions of `member` decide which members are read */
export async function findGroupEntry(
  search: Search,
  name: string,
  filter: Filter,
): Promise<DirectoryEntry | undefined> {
  const parsed = parseGroupName(foldText(name));
  const group = parsed && (await search.deps.groups.findGroup(search.access.client, parsed));
  return group && toEntry(search, group, await readMembers(search, filter));
}

interface Member {
  name: string;
  groups: readonly Group[];
}

/** Reads the people that a filter names as members. A group can have 100,000 members, so only these are compared. */
async function readMembers(search: Search, filter: Filter): Promise<Member[]> {
  const { tree } = search.deps;
  const { client } = search.access;
  const found: Member[] = [];
  for (const name of valuesOfEquality(filter, 'member')) {
    const target = tree.locate(name);
    const person = target?.kind === 'person' ? await findPerson(search, target.handle) : undefined;
    if (person === undefined) continue;
    const { facts, today } = person;
    const roles = rolesOf(facts, client.entitlements, today);
    const groups = groupsOf(roles, affiliationsOf(facts, client.entitlements, today));
    found.push({ name: tree.personName(person.handle), groups });
  }
  return found;
}

function toEntry({ deps: { tree } }: Search, group: Group, members: readonly Member[]): DirectoryEntry {
  const name = formatGroupName(group);
  const isMember = (member: Member): boolean => member.groups.some((one) => formatGroupName(one) === name);
  return groupEntry(
    tree,
    name,
    members.filter(isMember).map((member) => member.name),
  );
}
