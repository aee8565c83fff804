import type { Network } from '../../domain/throttling/network.ts';

/** A member and the share of its network: the number of members there, divided by the weight of the network. */
export interface Largest<T> {
  member: T;
  share: number;
}

/**
 * Members by network. Pass the networks of a member widest first, and the same ones each time: one for IPv4, three for IPv6. The wider
 * ones find an IPv6 client that changes its subnet.
 */
export interface NetworkPool<T> {
  size(within?: Network): number;
  add(member: T, networks: readonly Network[]): void;
  delete(member: T, networks: readonly Network[]): void;
  /**
   * Returns the member that was added first in the network with the most members.
   *
   * @param within restricts the search to this network
   */
  largest(within?: Network): Largest<T> | undefined;
}

interface Group<T> {
  weight: number;
  size: number;
  /** Networks inside this one. */
  groups: Map<string, Group<T>>;
  /** The members of the narrowest network, in the order of insertion. */
  members: Set<T>;
}

export function createNetworkPool<T>(): NetworkPool<T> {
  const all = createGroup<T>(1);
  return {
    size: (within) => (within === undefined ? all : all.groups.get(within.name))?.size ?? 0,
    add: (member, networks) => {
      let group = all;
      group.size += 1;
      for (const { name, weight } of networks) {
        const inner = group.groups.get(name) ?? createGroup<T>(weight);
        group.groups.set(name, inner);
        inner.size += 1;
        group = inner;
      }
      group.members.add(member);
    },
    delete: (member, networks) => {
      const path = [all];
      for (const { name } of networks) {
        const inner = path.at(-1)?.groups.get(name);
        if (inner === undefined) return;
        path.push(inner);
      }
      if (path.at(-1)?.members.delete(member) !== true) return;
      for (const [depth, group] of path.entries()) {
        group.size -= 1;
        if (group.size === 0) path[depth - 1]?.groups.delete(networks[depth - 1]?.name ?? '');
      }
    },
    largest: (within) => {
      const widest = within === undefined ? largestOf(all) : all.groups.get(within.name);
      if (widest === undefined) return undefined;
      let group = widest;
      for (let inner = largestOf(group); inner !== undefined; inner = largestOf(group)) group = inner;
      const [member] = group.members;
      return member === undefined ? undefined : { member, share: shareOf(widest) };
    },
  };
}

function createGroup<T>(weight: number): Group<T> {
  return { weight, size: 0, groups: new Map(), members: new Set() };
}

function largestOf<T>({ groups }: Group<T>): Group<T> | undefined {
  let largest: Group<T> | undefined;
  for (const group of groups.values()) {
    if (largest === undefined || shareOf(group) > shareOf(largest)) largest = group;
  }
  return largest;
}

function shareOf({ size, weight }: Group<unknown>): number {
  return size / weight;
}
