import type { Filter } from '../protocol.ts';

/** A way to find people by an index. The filter is evaluated on each person that it finds. */
export interface Lookup {
  by: 'login' | 'handle';
  value: string;
}

/** The lookups that find every person who can match, or a scan of all people. */
export type Plan = { kind: 'lookups'; lookups: readonly Lookup[] } | { kind: 'scan' };

/** Most lookups of one search. A filter that needs more is a scan. */
const MAX_LOOKUPS = 100;
const SCAN: Plan = { kind: 'scan' };

/** The indexes: the attribute of an equality, and how it finds people. */
const INDEXED: Readonly<Record<string, Lookup['by']>> = {
  uid: 'login',
  mail: 'login',
  mobile: 'login',
  uniqueidentifier: 'handle',
};

/** Compiles a filter to lookups. Their result contains every match, and maybe others. */
export function compilePlan(filter: Filter): Plan {
  switch (filter.kind) {
    case 'equality': {
      const by = Object.hasOwn(INDEXED, filter.attribute) ? INDEXED[filter.attribute] : undefined;
      return by === undefined ? SCAN : { kind: 'lookups', lookups: [{ by, value: filter.value }] };
    }
    case 'and':
      return filter.filters.map(compilePlan).reduce((best, plan) => (costOf(plan) < costOf(best) ? plan : best), SCAN);
    case 'or':
      return union(filter.filters.map(compilePlan));
    case 'unknown':
      return { kind: 'lookups', lookups: [] };
    case 'not':
    case 'present':
    case 'greaterOrEqual':
    case 'lessOrEqual':
    case 'substrings':
      return SCAN;
  }
}

function costOf(plan: Plan): number {
  return plan.kind === 'scan' ? Number.POSITIVE_INFINITY : plan.lookups.length;
}

function union(plans: readonly Plan[]): Plan {
  const lookups = plans.flatMap((plan) => (plan.kind === 'scan' ? [] : plan.lookups));
  const isScan = plans.some(({ kind }) => kind === 'scan') || lookups.length > MAX_LOOKUPS;
  return isScan ? SCAN : { kind: 'lookups', lookups };
}
