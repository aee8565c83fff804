import { childrenOf, type Affiliation } from '../../domain/claims/claims.ts';
import type { Scope } from '../../domain/claims/scopes.ts';
import { pickIdentifier } from '../../domain/claims/standard-claims.ts';
import { splitName } from '../../domain/directory/person-name.ts';
import { formatGroupName, groupsOf } from '../../domain/directory/groups.ts';
import type { ClientEntitlements, Role } from '../../domain/model.ts';
import type { DirectoryPerson } from '../../services/directory/directory.ts';

/** The comparison of values: without case, as logins, UUIDs, telephone numbers, instants, whole numbers, or names of entries. */
export type Rule = 'ignoreCase' | 'identifier' | 'login' | 'telephone' | 'time' | 'integer' | 'name';

/** The sources of the values of a person. */
export interface PersonView {
  person: DirectoryPerson;
  entitlements: ClientEntitlements;
  readonly affiliations: readonly Affiliation[];
  readonly roles: readonly Role[];
  /** Domain of the tree, `city.example`. */
  domain: string;
  handleOf: (personId: string) => string;
  /** Returns the name of the entry of a group. */
  groupName: (name: string) => string;
}

export interface AttributeType {
  name: string;
  /** The scope that releases it; undefined: not about people. */
  scope: Scope | undefined;
  rule: Rule;
  /** Returned only when it is requested by name or by `+` (RFC 4512, section 3.4). */
  isOperational?: true;
  values?: (view: PersonView) => readonly string[];
}

const CLASSES = ['top', 'person', 'organizationalPerson', 'inetOrgPerson', 'eduPerson', 'kinpassPerson'] as const;

/** The object classes that a person can have. */
export const PERSON_CLASSES = [...CLASSES, 'posixAccount'] as const;

const REQUIRED_BY_POSIX_ACCOUNT: readonly Scope[] = ['openid', 'profile'];

/**
 * Returns the object classes of people for a client with these scopes. `posixAccount` requires `cn`, `uid` and `uidNumber` (RFC 2307,
 * section 4), so only people with all of them have it.
 */
export function createClassesOf(scopes: readonly string[]): (person: DirectoryPerson) => readonly string[] {
  if (!REQUIRED_BY_POSIX_ACCOUNT.every((scope) => scopes.includes(scope))) return () => CLASSES;
  // The facts tell it without the values: `uidNumber` is encrypted for each person.
  return ({ facts: { directoryNumber, identifiers } }) =>
    directoryNumber !== undefined && identifiers.length > 0 ? PERSON_CLASSES : CLASSES;
}

/** The primary group of all people (RFC 2307), above every `uidNumber`. */
export const PEOPLE_GROUP = { name: 'people', gidNumber: '2000000000' } as const;

const list = (value: string | undefined): string[] => (value === undefined ? [] : [value]);
const unique = (values: readonly string[]): string[] => [...new Set(values)];

/** Formats an instant as GeneralizedTime (RFC 4517, section 3.3.13). */
function generalizedTime(instant: number): string {
  return `${new Date(instant).toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
}

/** The values of `eduPersonAffiliation` (eduPerson 4.4.0, section 2.2.1). */
const EDU_PERSON: Readonly<Record<Role, string>> = {
  parent: 'affiliate',
  student: 'student',
  teacher: 'faculty',
  staff: 'staff',
  school_admin: 'staff',
  bureau_admin: 'staff',
};

const affiliations = (view: PersonView): readonly Affiliation[] => view.affiliations;
const roles = (view: PersonView): readonly Role[] => view.roles;
const eduPerson = (view: PersonView): string[] => unique(roles(view).map((role) => EDU_PERSON[role]));
const uidNumber = ({ person }: PersonView): string[] =>
  person.uidNumber === undefined ? [] : [String(person.uidNumber)];

/**
 * Returns the names that a person signs in with: the account name, or else the email address or mobile number. These two are also values if
 * the client has their scope.
 */
function signInNames({ person: { facts }, entitlements: { scopes } }: PersonView): string[] {
  const of = (kind: 'account' | 'email' | 'mobile'): string[] =>
    facts.identifiers.filter((one) => one.kind === kind).map(({ value }) => value);
  const released = [...of('account'), ...(scopes.includes('email') ? of('email') : [])];
  const all = [...released, ...(scopes.includes('phone') ? of('mobile') : [])];
  return all.length > 0 ? all : [...of('email'), ...of('mobile')].slice(0, 1);
}

/** The attributes of the directory, and the scope that releases each (docs/directory.md). */
export const ATTRIBUTES: readonly AttributeType[] = [
  { name: 'objectClass', scope: undefined, rule: 'identifier' },
  { name: 'dc', scope: undefined, rule: 'ignoreCase' },
  { name: 'ou', scope: undefined, rule: 'ignoreCase' },
  { name: 'uniqueIdentifier', scope: 'openid', rule: 'ignoreCase', values: ({ person }) => [person.handle] },
  { name: 'uid', scope: 'openid', rule: 'login', values: signInNames },
  { name: 'kinpassSubject', scope: 'openid', rule: 'ignoreCase', values: ({ person }) => [person.subject] },
  {
    name: 'entryUUID',
    scope: 'openid',
    rule: 'identifier',
    isOperational: true,
    values: ({ person }) => [person.entryUuid],
  },
  { name: 'uidNumber', scope: 'openid', rule: 'integer', values: uidNumber },
  { name: 'gidNumber', scope: 'openid', rule: 'integer', values: () => [PEOPLE_GROUP.gidNumber] },
  {
    name: 'homeDirectory',
    scope: 'openid',
    rule: 'identifier',
    values: (view) => uidNumber(view).map((number) => `/home/${number}`),
  },
  {
    name: 'createTimestamp',
    scope: 'openid',
    rule: 'time',
    isOperational: true,
    values: ({ person }) => [generalizedTime(person.facts.createdAt)],
  },
  {
    name: 'modifyTimestamp',
    scope: 'openid',
    rule: 'time',
    isOperational: true,
    values: ({ person }) => [generalizedTime(person.facts.updatedAt)],
  },
  { name: 'cn', scope: 'profile', rule: 'ignoreCase', values: ({ person }) => [person.facts.name] },
  { name: 'displayName', scope: 'profile', rule: 'ignoreCase', values: ({ person }) => [person.facts.name] },
  { name: 'sn', scope: 'profile', rule: 'ignoreCase', values: ({ person }) => [splitName(person.facts.name).surname] },
  {
    name: 'givenName',
    scope: 'profile',
    rule: 'ignoreCase',
    values: ({ person }) => list(splitName(person.facts.name).givenName),
  },
  {
    name: 'preferredLanguage',
    scope: 'profile',
    rule: 'ignoreCase',
    values: ({ person }) => list(person.facts.locale),
  },
  {
    name: 'mail',
    scope: 'email',
    rule: 'ignoreCase',
    values: ({ person }) => list(pickIdentifier(person.facts, 'email')?.value),
  },
  {
    name: 'mobile',
    scope: 'phone',
    rule: 'telephone',
    values: ({ person }) => list(pickIdentifier(person.facts, 'mobile')?.value),
  },
  { name: 'kinpassRole', scope: 'roles', rule: 'ignoreCase', values: roles },
  { name: 'eduPersonAffiliation', scope: 'roles', rule: 'ignoreCase', values: eduPerson },
  {
    name: 'eduPersonScopedAffiliation',
    scope: 'roles',
    rule: 'ignoreCase',
    values: (view) => eduPerson(view).map((value) => `${value}@${view.domain}`),
  },
  {
    name: 'o',
    scope: 'roles',
    rule: 'ignoreCase',
    values: (view) => unique(affiliations(view).map((one) => one.school_name)),
  },
  {
    name: 'kinpassSchoolCode',
    scope: 'roles',
    rule: 'ignoreCase',
    values: (view) => unique(affiliations(view).map((one) => one.school_code)),
  },
  {
    name: 'kinpassClass',
    scope: 'roles',
    rule: 'ignoreCase',
    values: (view) =>
      affiliations(view).flatMap(({ school_code: code, classno }) =>
        classno === undefined ? [] : [`${code}-${classno}`],
      ),
  },
  {
    name: 'memberOf',
    scope: 'roles',
    rule: 'name',
    values: (view) =>
      unique(groupsOf(roles(view), affiliations(view)).map((group) => view.groupName(formatGroupName(group)))),
  },
  { name: 'member', scope: undefined, rule: 'name' },
  {
    name: 'kinpassChild',
    scope: 'children',
    rule: 'ignoreCase',
    values: ({ person: { facts, today }, entitlements, handleOf }) =>
      childrenOf(facts, entitlements, today, handleOf, false).map(({ sub }) => sub),
  },
];

const BY_NAME = new Map(ATTRIBUTES.map((one) => [one.name.toLowerCase(), one]));

/** Finds an attribute by its name, in any case. No attribute has options such as `;lang-en`. */
export function findAttribute(name: string): AttributeType | undefined {
  return BY_NAME.get(name.toLowerCase());
}
