import { affiliationsOf, rolesOf, type Affiliation } from '../../domain/claims/claims.ts';
import type { Role, School } from '../../domain/model.ts';
import type { DirectoryClient, DirectoryPerson } from '../../services/directory/directory.ts';
import { ATTRIBUTES, PERSON_CLASSES, type AttributeType, type PersonView } from './schema.ts';
import { CONTAINERS, type Container, type Tree } from './tree.ts';

export interface EntryAttribute {
  name: string;
  /** Empty: the entry does not have the attribute. */
  readonly values: readonly string[];
  isOperational: boolean;
}

/** An entry with every attribute that the client may see. Filters see the same attributes. */
export interface DirectoryEntry {
  name: string;
  attributes: readonly EntryAttribute[];
  /** Values by attribute in lower case that equality also matches, and that are not returned. */
  hidden: ReadonlyMap<string, readonly string[]>;
  /** Names of the attributes that the client may not see. */
  unreadable: ReadonlySet<string>;
}

const NO_VALUES: ReadonlyMap<string, readonly string[]> = new Map();
/** In entries that every client may read. */
export const ALL_READABLE: ReadonlySet<string> = new Set();

function plain(name: string, values: readonly string[]): EntryAttribute {
  return { name, values, isOperational: false };
}

export function baseEntry(tree: Tree): DirectoryEntry {
  const [dc = ''] = /^dc=([^,]+)/.exec(tree.base)?.slice(1) ?? [];
  const classes = plain('objectClass', ['top', 'dcObject', 'organization']);
  return {
    name: tree.base,
    attributes: [classes, plain('dc', [dc]), plain('o', [dc])],
    hidden: NO_VALUES,
    unreadable: ALL_READABLE,
  };
}

export function containerEntry(tree: Tree, container: Container): DirectoryEntry {
  const attributes = [plain('objectClass', ['top', 'organizationalUnit']), plain('ou', [container])];
  return { name: tree.containerName(container), attributes, hidden: NO_VALUES, unreadable: ALL_READABLE };
}

export function containerEntries(tree: Tree): DirectoryEntry[] {
  return CONTAINERS.map((container) => containerEntry(tree, container));
}

export function schoolEntry(tree: Tree, { code, name }: School): DirectoryEntry {
  const classes = plain('objectClass', ['top', 'organizationalUnit', 'kinpassSchool']);
  const attributes = [classes, plain('ou', [code]), plain('o', [name]), plain('kinpassSchoolCode', [code])];
  return { name: tree.schoolName(code), attributes, hidden: NO_VALUES, unreadable: ALL_READABLE };
}

/**
 * Returns the entry of a group. Its members are not returned: a group can have 100,000.
 *
 * @param members the names that an equality of `member` matches
 */
export function groupEntry(tree: Tree, name: string, members: readonly string[]): DirectoryEntry {
  const attributes = [plain('objectClass', ['top', 'groupOfNames', 'kinpassGroup']), plain('cn', [name])];
  return { name: tree.groupName(name), attributes, hidden: new Map([['member', members]]), unreadable: ALL_READABLE };
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
  const classes = plain('objectClass', PERSON_CLASSES);
  return (person) => {
    const { facts, today } = person;
    let affiliations: readonly Affiliation[] | undefined;
    let roles: readonly Role[] | undefined;
    const view: PersonView = {
      ...{ person, entitlements, domain, handleOf },
      groupName: (name) => tree.groupName(name),
      get affiliations() {
        return (affiliations ??= affiliationsOf(facts, entitlements, today));
      },
      get roles() {
        return (roles ??= rolesOf(facts, entitlements, today));
      },
    };
    return {
      name: tree.personName(person.handle),
      attributes: [classes, ...released.map((type) => lazyAttribute(type, view))],
      ...{ hidden: NO_VALUES, unreadable },
    };
  };
}

/** Returns an attribute whose values are computed when they are first read: a search reads few of them. */
function lazyAttribute({ name, isOperational, values }: AttributeType, view: PersonView): EntryAttribute {
  let known: readonly string[] | undefined;
  return {
    ...{ name, isOperational: isOperational === true },
    get values() {
      return (known ??= values?.(view) ?? []);
    },
  };
}
