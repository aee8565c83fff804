import type { School } from '../../domain/model.ts';
import type { DirectoryClient, DirectoryPerson } from '../../services/directory/directory.ts';
import { ATTRIBUTES, PERSON_CLASSES } from './schema.ts';
import { CONTAINERS, type Container, type Tree } from './tree.ts';

export interface EntryAttribute {
  name: string;
  values: readonly string[];
  isOperational: boolean;
}

/** An entry with every attribute that the client may see. Filters see the same attributes. */
export interface DirectoryEntry {
  name: string;
  attributes: readonly EntryAttribute[];
  /** Values by attribute in lower case that equality also matches, and that are not returned. */
  hidden: ReadonlyMap<string, readonly string[]>;
}

const NO_VALUES: ReadonlyMap<string, readonly string[]> = new Map();

function plain(name: string, values: readonly string[]): EntryAttribute {
  return { name, values, isOperational: false };
}

export function baseEntry(tree: Tree): DirectoryEntry {
  const [dc = ''] = /^dc=([^,]+)/.exec(tree.base)?.slice(1) ?? [];
  const classes = plain('objectClass', ['top', 'dcObject', 'organization']);
  return { name: tree.base, attributes: [classes, plain('dc', [dc]), plain('o', [dc])], hidden: NO_VALUES };
}

export function containerEntry(tree: Tree, container: Container): DirectoryEntry {
  const attributes = [plain('objectClass', ['top', 'organizationalUnit']), plain('ou', [container])];
  return { name: tree.containerName(container), attributes, hidden: NO_VALUES };
}

export function containerEntries(tree: Tree): DirectoryEntry[] {
  return CONTAINERS.map((container) => containerEntry(tree, container));
}

export function schoolEntry(tree: Tree, { code, name }: School): DirectoryEntry {
  const classes = plain('objectClass', ['top', 'organizationalUnit', 'kinpassSchool']);
  const attributes = [classes, plain('ou', [code]), plain('o', [name]), plain('kinpassSchoolCode', [code])];
  return { name: tree.schoolName(code), attributes, hidden: NO_VALUES };
}

/**
 * Returns the entry of a group. Its members are not returned: a group can have 100,000.
 *
 * @param members the names that an equality of `member` matches
 */
export function groupEntry(tree: Tree, name: string, members: readonly string[]): DirectoryEntry {
  const attributes = [plain('objectClass', ['top', 'groupOfNames', 'kinpassGroup']), plain('cn', [name])];
  return { name: tree.groupName(name), attributes, hidden: new Map([['member', members]]) };
}

/** Returns the entry of a person with the attributes that the scopes of the client release. */
export function personEntry(
  tree: Tree,
  client: DirectoryClient,
  person: DirectoryPerson,
  handleOf: (personId: string) => string,
): DirectoryEntry {
  const { entitlements } = client;
  const domain = tree.base.replaceAll(/(?:^|,)dc=/g, '.').slice(1);
  const view = { person, entitlements, domain, handleOf, groupName: (name: string) => tree.groupName(name) };
  const released = ATTRIBUTES.flatMap((type): EntryAttribute[] => {
    if (type.scope === undefined || !entitlements.scopes.includes(type.scope)) return [];
    const values = type.values?.(view) ?? [];
    return values.length === 0 ? [] : [{ name: type.name, values, isOperational: type.isOperational ?? false }];
  });
  return {
    name: tree.personName(person.handle),
    attributes: [plain('objectClass', PERSON_CLASSES), ...released],
    // People type any of their logins, so each finds their entry.
    hidden: new Map([['uid', person.facts.identifiers.map(({ value }) => value)]]),
  };
}
