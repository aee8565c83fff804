import { affiliationsOf, rolesOf, type Affiliation } from '../../domain/claims/claims.ts';
import type { Role, School } from '../../domain/model.ts';
import type { DirectoryClient, DirectoryPerson } from '../../services/directory/directory.ts';
import { ATTRIBUTES, createClassesOf, PEOPLE_GROUP, type PersonView } from './schema.ts';
import { CONTAINERS, type Container, type Tree } from './tree.ts';

/** The name of an attribute that entries may have. */
export interface AttributeName {
  name: string;
  isOperational: boolean;
}

export interface EntryAttribute extends AttributeName {
  values: readonly string[];
}

/** An entry with every attribute that the client may see. Filters see the same attributes. */
export interface DirectoryEntry {
  name: string;
  /** The attributes that the entry may have. Entries of people share the list. */
  attributes: readonly AttributeName[];
  /** Returns the values of an attribute, none if the entry does not have it. A search reads few of them, so they are not computed before. */
  valuesOf: (name: string) => readonly string[];
  /** Values by attribute that equality also matches, and that are not returned. */
  hidden: ReadonlyMap<string, readonly string[]>;
  /** Names of the attributes that the client may not see. */
  unreadable: ReadonlySet<string>;
}

const NO_VALUES: ReadonlyMap<string, readonly string[]> = new Map();
const ALL_READABLE: ReadonlySet<string> = new Set();

/** Returns an entry that every client may read. */
export function openEntry(
  name: string,
  attributes: readonly EntryAttribute[],
  hidden: DirectoryEntry['hidden'] = NO_VALUES,
): DirectoryEntry {
  const values = new Map(attributes.map((one) => [one.name, one.values]));
  return { name, attributes, valuesOf: (one) => values.get(one) ?? [], hidden, unreadable: ALL_READABLE };
}

function plain(name: string, values: readonly string[]): EntryAttribute {
  return { name, values, isOperational: false };
}

export function baseEntry(tree: Tree): DirectoryEntry {
  const [dc = ''] = /^dc=([^,]+)/.exec(tree.base)?.slice(1) ?? [];
  const classes = plain('objectClass', ['top', 'dcObject', 'organization']);
  return openEntry(tree.base, [classes, plain('dc', [dc]), plain('o', [dc])]);
}

export function containerEntry(tree: Tree, container: Container): DirectoryEntry {
  const attributes = [plain('objectClass', ['top', 'organizationalUnit']), plain('ou', [container])];
  return openEntry(tree.containerName(container), attributes);
}

export function containerEntries(tree: Tree): DirectoryEntry[] {
  return CONTAINERS.map((container) => containerEntry(tree, container));
}

export function schoolEntry(tree: Tree, { code, name }: School): DirectoryEntry {
  const classes = plain('objectClass', ['top', 'organizationalUnit', 'kinpassSchool']);
  const attributes = [classes, plain('ou', [code]), plain('o', [name]), plain('kinpassSchoolCode', [code])];
  return openEntry(tree.schoolName(code), attributes);
}

/**
 * Returns the entry of a group. Its members are not returned: a group can have 100,000.
 *
 * @param members the names that an equality of `member` matches
 */
export function groupEntry(tree: Tree, name: string, members: readonly string[]): DirectoryEntry {
  const attributes = [plain('objectClass', ['top', 'groupOfNames', 'kinpassGroup']), plain('cn', [name])];
  return openEntry(tree.groupName(name), attributes, new Map([['member', members]]));
}

/** Returns the entry of the primary group of all people. Every client may read it: it says nothing of them. */
export function peopleGroupEntry(tree: Tree): DirectoryEntry {
  const { name, gidNumber } = PEOPLE_GROUP;
  const attributes = [
    plain('objectClass', ['top', 'posixGroup']),
    plain('cn', [name]),
    plain('gidNumber', [gidNumber]),
  ];
  return openEntry(tree.groupName(name), attributes);
}

/** Returns how to create the entry of a person, with the attributes that the scopes of the client release. */
export function createPersonEntries(
  tree: Tree,
  { entitlements }: DirectoryClient,
  handleOf: (personId: string) => string,
): (person: DirectoryPerson) => DirectoryEntry {
  const domain = tree.base.replaceAll(/(?:^|,)dc=/g, '.').slice(1);
  const ofPeople = ATTRIBUTES.filter(({ scope }) => scope !== undefined);
  const released = ofPeople.filter(({ scope }) => scope !== undefined && entitlements.scopes.includes(scope));
  const unreadable = new Set(ofPeople.filter((one) => !released.includes(one)).map(({ name }) => name));
  const byName = new Map(released.map((type) => [type.name, type]));
  const classesOf = createClassesOf(entitlements.scopes);
  const attributes: AttributeName[] = [
    { name: 'objectClass', isOperational: false },
    ...released.map(({ name, isOperational = false }) => ({ name, isOperational })),
  ];
  const groupNames = new Map<string, string>();
  // People of a page share groups, and escaping a name takes longer than finding it.
  const groupName = (name: string): string => {
    const known = groupNames.get(name) ?? tree.groupName(name);
    groupNames.set(name, known);
    return known;
  };
  return (person) => {
    const { facts, today } = person;
    let affiliations: readonly Affiliation[] | undefined;
    let roles: readonly Role[] | undefined;
    const view: PersonView = {
      person,
      entitlements,
      domain,
      handleOf,
      groupName,
      get affiliations() {
        return (affiliations ??= affiliationsOf(facts, entitlements, today));
      },
      get roles() {
        return (roles ??= rolesOf(facts, entitlements, today, view.affiliations));
      },
    };
    return {
      name: tree.personName(person.handle),
      attributes,
      valuesOf: (name) => (name === 'objectClass' ? classesOf(person) : (byName.get(name)?.values?.(view) ?? [])),
      hidden: NO_VALUES,
      unreadable,
    };
  };
}
