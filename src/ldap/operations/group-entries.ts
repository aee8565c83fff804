import { foldText } from '../../domain/directory/folding.ts';
import { formatGroupName, groupsOf, parseGroupName, type Group } from '../../domain/directory/groups.ts';
import { affiliationsOf, rolesOf } from '../../domain/claims/claims.ts';
import { groupEntry, peopleGroupEntry, type DirectoryEntry } from '../directory/entries.ts';
import { valuesOfEquality } from '../directory/plan.ts';
import { PEOPLE_GROUP } from '../directory/schema.ts';
import type { Tree } from '../directory/tree.ts';
import type { Filter } from '../protocol.ts';
import type { Access, OperationContext, ReadDeps } from '../session.ts';
import { chunksOf, MAX_PEOPLE_AT_ONCE } from './list-people.ts';
import { findPersonId } from './people.ts';

interface Search {
  deps: ReadDeps;
  access: Access;
  context: Pick<OperationContext, 'pause'>;
}

/**
 * Lists the groups that may match a filter: those of the city and of schools, and the classes that the filter names, or whose member it
 * names.
 */
export async function listGroupEntries(search: Search, filter: Filter): Promise<Iterable<DirectoryEntry>> {
  const { groups, tree } = search.deps;
  const { client } = search.access;
  const members = await readMembers(search, filter);
  const named = valuesOfEquality(filter, 'cn').flatMap((name) => parseGroupName(foldText(name)) ?? []);
  const known = await groups.listGroups(client);
  const found = await groups.findGroups(client, [...named, ...[...members.values()].map(({ group }) => group)]);
  const classes = new Map(found.filter(({ kind }) => kind === 'class').map((group) => [formatGroupName(group), group]));
  return (function* () {
    yield peopleGroupEntry(tree);
    for (const group of known) yield toEntry(tree, group, members);
    for (const group of classes.values()) yield toEntry(tree, group, members);
  })();
}

/** @param filter its assertions of `member` decide which members are read */
export async function findGroupEntry(
  search: Search,
  name: string,
  filter: Filter,
): Promise<DirectoryEntry | undefined> {
  if (foldText(name) === PEOPLE_GROUP.name) return peopleGroupEntry(search.deps.tree);
  const parsed = parseGroupName(foldText(name));
  const [group] = parsed === undefined ? [] : await search.deps.groups.findGroups(search.access.client, [parsed]);
  return group && toEntry(search.deps.tree, group, await readMembers(search, filter));
}

/** Names of the members that a filter asserts, by the name of the group. */
type Members = ReadonlyMap<string, { group: Group; names: readonly string[] }>;

/** Reads the groups of the people whom a filter names as members. A group can have 100,000 members, so only these are compared. */
async function readMembers(search: Search, filter: Filter): Promise<Members> {
  const { tree, directory } = search.deps;
  const { client } = search.access;
  const ids = valuesOfEquality(filter, 'member').flatMap((name) => {
    const target = tree.locate(name);
    return (target?.kind === 'person' ? findPersonId(search, target.handle) : undefined) ?? [];
  });
  const members = new Map<string, { group: Group; names: string[] }>();
  for (const some of chunksOf([...new Set(ids)], MAX_PEOPLE_AT_ONCE)) {
    await search.context.pause();
    for (const { facts, today, handle } of await directory.listPeopleOfIds(client, some)) {
      const affiliations = affiliationsOf(facts, client.entitlements, today);
      for (const group of groupsOf(rolesOf(facts, client.entitlements, today, affiliations), affiliations)) {
        const name = formatGroupName(group);
        const known = members.get(name) ?? { group, names: [] };
        known.names.push(tree.personName(handle));
        members.set(name, known);
      }
    }
  }
  return members;
}

function toEntry(tree: Tree, group: Group, members: Members): DirectoryEntry {
  const name = formatGroupName(group);
  return groupEntry(tree, name, members.get(name)?.names ?? []);
}
