import { formatRdn, normalizeDn, parseDn, type Rdn } from '../dn.ts';

/** The containers below the root. Their entries are readable by every client; service accounts are not listed. */
export const CONTAINERS = ['people', 'schools', 'groups', 'services'] as const;
export type Container = (typeof CONTAINERS)[number];

/** The entry that a name names. It may not exist. */
export type Target =
  | { kind: 'root_dse' }
  | { kind: 'subschema' }
  | { kind: 'base' }
  | { kind: 'container'; container: Container }
  | { kind: 'person'; handle: string }
  | { kind: 'service'; clientId: string }
  | { kind: 'school'; code: string }
  | { kind: 'group'; name: string }
  /** A name below the root that no entry can have. */
  | { kind: 'absent'; matched: string; text: string }
  /** A name outside of the tree. */
  | { kind: 'outside' };

export const SUBSCHEMA_NAME = 'cn=subschema';

export interface Tree {
  base: string;
  containerName(container: Container): string;
  personName(handle: string): string;
  schoolName(code: string): string;
  groupName(name: string): string;
  /** @returns undefined when the text is no name */
  locate(name: string): Target | undefined;
}

/** How the entries of a container are named, for people who write a wrong name. */
const ENTRY_NAMES: Readonly<Record<Container, string>> = {
  people: 'uniqueIdentifier=<handle>; search for uid or mail',
  schools: 'ou=<school code>',
  groups: 'cn=<name of the group>',
  services: 'cn=<client_id>',
};

/** Creates the names of the tree. @param base the root, `dc=city,dc=example` */
export function createTree(base: string): Tree {
  const root = parseDn(base);
  if (root === undefined || root.length === 0) throw new RangeError(`${base} is no name of a directory`);
  const rootText = normalizeDn(root);
  const containerName = (container: Container): string => `ou=${container},${base}`;
  const people = containerName('people');
  const containerNames = CONTAINERS.map((container) => `ou=${container}`).join(', ');
  const locateBelow = (container: Container, [entry, ...rest]: readonly Rdn[]): Target => {
    // PostgreSQL stores no NUL.
    if (entry !== undefined && rest.length === 0 && !entry.value.includes('\0')) {
      const { type, value } = entry;
      if (container === 'people' && type === 'uniqueidentifier') return { kind: 'person', handle: value.toLowerCase() };
      if (container === 'services' && type === 'cn') return { kind: 'service', clientId: value };
      if (container === 'schools' && type === 'ou') return { kind: 'school', code: value };
      if (container === 'groups' && type === 'cn') return { kind: 'group', name: value };
    }
    const matched = containerName(container);
    return { kind: 'absent', matched, text: `entries of ${matched} are named ${ENTRY_NAMES[container]}` };
  };
  const locate = (components: readonly Rdn[]): Target => {
    const text = normalizeDn(components);
    if (text === SUBSCHEMA_NAME) return { kind: 'subschema' };
    if (text === rootText) return { kind: 'base' };
    if (!text.endsWith(`,${rootText}`)) return { kind: 'outside' };
    const below = components.slice(0, components.length - root.length);
    const top = below.at(-1);
    const container = CONTAINERS.find((one) => top?.type === 'ou' && top.value.toLowerCase() === one);
    if (container === undefined) return { kind: 'absent', matched: base, text: `${base} has ${containerNames}` };
    return below.length === 1 ? { kind: 'container', container } : locateBelow(container, below.slice(0, -1));
  };
  return {
    base,
    containerName,
    schoolName: (code) => `${formatRdn('ou', code)},${containerName('schools')}`,
    groupName: (name) => `${formatRdn('cn', name)},${containerName('groups')}`,
    // A handle is base32, which needs no escapes.
    personName: (handle) => `uniqueIdentifier=${handle},${people}`,
    locate: (name) => {
      const components = parseDn(name);
      if (components === undefined) return undefined;
      return components.length === 0 ? { kind: 'root_dse' } : locate(components);
    },
  };
}
