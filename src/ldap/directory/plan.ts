import { foldText } from '../../domain/directory/folding.ts';
import { parseGroupName, type CityPeople } from '../../domain/directory/groups.ts';
import { nameRange, type NameLookup, type PeopleLookup } from '../../services/directory/lookups.ts';
import { parseDn } from '../dn.ts';
import type { Filter } from '../protocol.ts';
import { comparableParts, isComparable, isDefined, timeRange, type Condition } from './matching.ts';
import { findAttribute, PERSON_CLASSES, type AttributeType } from './schema.ts';

/** The lookups that find every person who can match, or a scan of all people. */
export type Plan = { kind: 'lookups'; lookups: readonly PeopleLookup[] } | { kind: 'scan' };

/** Most lookups of one search. A filter that needs more is a scan. */
const MAX_LOOKUPS = 100;
const SCAN: Plan = { kind: 'scan' };
const NO_PEOPLE: Plan = { kind: 'lookups', lookups: [] };

/**
 * Compiles a filter to lookups. Their result contains every match, and maybe others, so the filter is evaluated on each person that they find.
 *
 * @param scopes of the client: conditions on attributes that it may not see are Undefined
 */
export function compilePlan(filter: Filter, scopes: readonly string[]): Plan {
  switch (filter.kind) {
    case 'and':
      return filter.filters
        .map((one) => compilePlan(one, scopes))
        .reduce((best, plan) => (costOf(plan) < costOf(best) ? plan : best), SCAN);
    case 'or':
      return union(filter.filters.map((one) => compilePlan(one, scopes)));
    case 'not':
      return SCAN;
    case 'unknown':
      return NO_PEOPLE;
    case 'present':
    case 'equality':
    case 'greaterOrEqual':
    case 'lessOrEqual':
    case 'substrings':
      return planCondition(filter, scopes);
  }
}

function planCondition(filter: Condition, scopes: readonly string[]): Plan {
  const type = findAttribute(filter.attribute);
  if (type === undefined || !isDefined(filter, type.rule)) return NO_PEOPLE;
  if (type.name === 'objectClass') return isClassOfPeople(filter) ? SCAN : NO_PEOPLE;
  if (type.scope === undefined || !scopes.includes(type.scope)) return NO_PEOPLE;
  const lookups = toLookups(filter, type);
  return lookups === undefined ? SCAN : { kind: 'lookups', lookups };
}

function isClassOfPeople(filter: Condition): boolean {
  if (filter.kind !== 'equality') return true;
  return PERSON_CLASSES.some((one) => foldText(one) === foldText(filter.value));
}

/** @returns undefined when no index finds the people; an empty list when there are none */
function toLookups(filter: Condition, { name, rule }: AttributeType): readonly PeopleLookup[] | undefined {
  if (filter.kind === 'substrings') return initialLookups(comparableParts(filter, rule).initial ?? '', name);
  if (filter.kind === 'present') return undefined;
  if (rule === 'time') return timeLookups(filter, name);
  return EQUALITY[name]?.(foldText(filter.value), filter.value);
}

type ToLookups = (folded: string, value: string) => readonly PeopleLookup[] | undefined;

const loginLookups: ToLookups = (_, value) => [{ by: 'login', value }];
const nameLookups: ToLookups = (_, value) => indexedName({ by: 'name', value });

/** The lookups of equalities, by the names of attributes. */
const EQUALITY: Readonly<Record<string, ToLookups>> = {
  uid: loginLookups,
  mail: loginLookups,
  mobile: loginLookups,
  uniqueIdentifier: (value) => [{ by: 'handle', value }],
  uidNumber: (_, value) => [{ by: 'uid_number', value: Number(value) }],
  entryUUID: (value) => [{ by: 'entry_uuid', value }],
  cn: nameLookups,
  displayName: nameLookups,
  memberOf: (_, value) => groupLookups(parseDn(value)?.[0]?.value ?? ''),
  kinpassClass: (value) => groupLookups(value.replace('-', '-class-')),
  kinpassRole: (value) => roleLookups(value, { teacher: 'teachers', student: 'students', parent: 'parents' }),
  eduPersonAffiliation: (value) =>
    roleLookups(value, { faculty: 'teachers', student: 'students', affiliate: 'parents' }),
};

function groupLookups(name: string): readonly PeopleLookup[] {
  const group = parseGroupName(foldText(name));
  return group === undefined ? [] : [{ by: 'group', group }];
}

function roleLookups(role: string, groups: Readonly<Record<string, CityPeople>>): readonly PeopleLookup[] | undefined {
  const people = Object.hasOwn(groups, role) ? groups[role] : undefined;
  return people === undefined ? undefined : [{ by: 'group', group: { kind: 'city', people } }];
}

function timeLookups(filter: { kind: Condition['kind']; value: string }, attribute: string): readonly PeopleLookup[] {
  const range = timeRange(filter);
  if (range === undefined) return [];
  const by = attribute === 'createTimestamp' ? 'created' : 'modified';
  // Attributes have whole seconds.
  return [{ by, from: range.from, to: Math.min(range.to + 999, Number.MAX_SAFE_INTEGER) }];
}

function initialLookups(value: string, attribute: string): readonly PeopleLookup[] | undefined {
  if (value === '') return undefined;
  if (attribute === 'cn' || attribute === 'displayName') return indexedName({ by: 'name_prefix', value });
  return EQUALITY[attribute] === loginLookups ? [{ by: 'login_prefix', value }] : undefined;
}

/** @returns undefined when the index has no range for a name */
function indexedName(lookup: NameLookup): readonly PeopleLookup[] | undefined {
  return nameRange(lookup) === undefined ? undefined : [lookup];
}

/** Attributes of schools, groups and containers. */
const ATTRIBUTES_OF_OTHERS = new Set([
  'objectclass',
  'dc',
  'o',
  'ou',
  'cn',
  'kinpassschoolcode',
  'member',
  'gidnumber',
]);

/** Returns true if schools, groups and containers may match. */
export function mayMatchOthers(filter: Filter): boolean {
  switch (filter.kind) {
    case 'and':
      return filter.filters.every(mayMatchOthers);
    case 'or':
      return filter.filters.some(mayMatchOthers);
    case 'not':
      return true;
    case 'unknown':
      return false;
    case 'present':
    case 'equality':
    case 'greaterOrEqual':
    case 'lessOrEqual':
    case 'substrings':
      return ATTRIBUTES_OF_OTHERS.has(filter.attribute);
  }
}

/** Returns true if a filter has a matching rule that the service does not have (RFC 4511, section 4.5.1.7.7). */
export function hasUnknown(filter: Filter): boolean {
  if (filter.kind === 'not') return hasUnknown(filter.filter);
  if (filter.kind === 'and' || filter.kind === 'or') return filter.filters.some(hasUnknown);
  return filter.kind === 'unknown';
}

/** Returns the number of conditions of a filter, at least 1. */
export function countConditions(filter: Filter): number {
  if (filter.kind === 'not') return countConditions(filter.filter);
  if (filter.kind !== 'and' && filter.kind !== 'or') return 1;
  return Math.max(
    1,
    filter.filters.reduce((sum, one) => sum + countConditions(one), 0),
  );
}

/** Lists the different values that the equalities of an attribute assert anywhere in a filter. */
export function valuesOfEquality(filter: Filter, attribute: string): string[] {
  return [...new Set(listValues(filter, attribute))].filter(isComparable);
}

function listValues(filter: Filter, attribute: string): string[] {
  if (filter.kind === 'equality') return filter.attribute === attribute ? [filter.value] : [];
  if (filter.kind === 'not') return listValues(filter.filter, attribute);
  if (filter.kind !== 'and' && filter.kind !== 'or') return [];
  return filter.filters.flatMap((one) => listValues(one, attribute));
}

/** People that a lookup finds, roughly. */
const COST: Readonly<Record<Exclude<PeopleLookup['by'], 'group'>, number>> = {
  login: 1,
  handle: 1,
  entry_uuid: 1,
  uid_number: 1,
  name: 10,
  login_prefix: 1_000,
  name_prefix: 1_000,
  created: 10_000,
  modified: 10_000,
};
const COST_OF_GROUP = { class: 100, school: 5_000, city: 100_000 } as const;

function costOf(plan: Plan): number {
  if (plan.kind === 'scan') return Number.POSITIVE_INFINITY;
  const costs = plan.lookups.map((one) => (one.by === 'group' ? COST_OF_GROUP[one.group.kind] : COST[one.by]));
  return costs.reduce((all, one) => all + one, 0);
}

function union(plans: readonly Plan[]): Plan {
  const lookups = plans.flatMap((plan) => (plan.kind === 'scan' ? [] : plan.lookups));
  const isScan = plans.some(({ kind }) => kind === 'scan') || lookups.length > MAX_LOOKUPS;
  return isScan ? SCAN : { kind: 'lookups', lookups };
}
