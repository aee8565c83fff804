import { parseGroupName } from '../../domain/directory/groups.ts';
import { parseDn } from '../dn.ts';
import type { Filter } from '../protocol.ts';

/** A way to find people by an index. The filter is evaluated on each person that it finds. */
export interface Lookup {
  by: 'login' | 'handle' | 'group';
  value: string;
}

/** The lookups that find every person who can match, or a scan of all people. */
export type Plan = { kind: 'lookups'; lookups: readonly Lookup[] } | { kind: 'scan' };

/** Most lookups of one search. A filter that needs more is a scan. */
const MAX_LOOKUPS = 100;
const SCAN: Plan = { kind: 'scan' };
const NO_PEOPLE: Plan = { kind: 'lookups', lookups: [] };

/** The indexes: the attribute of an equality, and how it finds people. */
const INDEXED: Readonly<Record<string, Lookup['by']>> = {
  uid: 'login',
  mail: 'login',
  mobile: 'login',
  uniqueidentifier: 'handle',
  memberof: 'group',
};
/** Classes of entries that are not people. */
const OTHER_CLASSES = ['groupofnames', 'kinpassgroup', 'kinpassschool', 'organizationalunit', 'organization'];

/** Compiles a filter to lookups. Their result contains every match, and maybe others. */
export function compilePlan(filter: Filter): Plan {
  switch (filter.kind) {
    case 'equality':
      return planEquality(filter);
    case 'and':
      return filter.filters.map(compilePlan).reduce((best, plan) => (costOf(plan) < costOf(best) ? plan : best), SCAN);
    case 'or':
      return union(filter.filters.map(compilePlan));
    case 'unknown':
      return NO_PEOPLE;
    case 'not':
    case 'present':
    case 'greaterOrEqual':
    case 'lessOrEqual':
    case 'substrings':
      return SCAN;
  }
}

function planEquality({ attribute, value }: { attribute: string; value: string }): Plan {
  const by = Object.hasOwn(INDEXED, attribute) ? INDEXED[attribute] : undefined;
  if (by === undefined) return isOfOthers({ attribute, value }) ? NO_PEOPLE : SCAN;
  return by === 'group' && isCityGroup(value) ? SCAN : { kind: 'lookups', lookups: [{ by, value }] };
}

/** Returns true if a name is that of a group of the whole city, which no index serves. */
function isCityGroup(name: string): boolean {
  const [entry] = parseDn(name) ?? [];
  return entry !== undefined && parseGroupName(entry.value)?.kind === 'city';
}

/** Returns true if no person can match. */
function isOfOthers({ attribute, value }: { attribute: string; value: string }): boolean {
  return attribute === 'member' || (attribute === 'objectclass' && OTHER_CLASSES.includes(value.toLowerCase()));
}

/** Returns true if schools, groups and containers may match: the filter does not need an indexed attribute of people. */
export function mayMatchOthers(filter: Filter): boolean {
  if (filter.kind === 'equality') return !Object.hasOwn(INDEXED, filter.attribute);
  if (filter.kind === 'and') return filter.filters.every(mayMatchOthers);
  return filter.kind === 'or' ? filter.filters.some(mayMatchOthers) : filter.kind !== 'unknown';
}

/** Lists the values that the equalities of an attribute assert anywhere in a filter. */
export function valuesOfEquality(filter: Filter, attribute: string): string[] {
  if (filter.kind === 'equality') return filter.attribute === attribute ? [filter.value] : [];
  if (filter.kind === 'not') return valuesOfEquality(filter.filter, attribute);
  if (filter.kind !== 'and' && filter.kind !== 'or') return [];
  return filter.filters.flatMap((one) => valuesOfEquality(one, attribute)).slice(0, MAX_LOOKUPS);
}

function costOf(plan: Plan): number {
  return plan.kind === 'scan' ? Number.POSITIVE_INFINITY : plan.lookups.length;
}

function union(plans: readonly Plan[]): Plan {
  const lookups = plans.flatMap((plan) => (plan.kind === 'scan' ? [] : plan.lookups));
  const isScan = plans.some(({ kind }) => kind === 'scan') || lookups.length > MAX_LOOKUPS;
  return isScan ? SCAN : { kind: 'lookups', lookups };
}
