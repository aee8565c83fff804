import { isIPv6 } from 'node:net';

/** A network with its own attempt counter. */
export interface Network {
  /** An IPv4 address, or an IPv6 prefix such as `2001:db8:1:2::/64`. */
  name: string;
  /** The budget of the network as a multiple of the budget of one address. */
  weight: number;
}

/** An IPv6 address has eight groups of 16 bits. */
const GROUP_COUNT = 8;

/**
 * The IPv6 prefixes that are counted, narrowest first, and their budgets.
 *
 * - /64, 1×: one link, the smallest network that a provider assigns. Its owner can take a new address for each attempt.
 * - /56, 2×: what a household is assigned (RFC 6177, section 2). Its 256 subnets do not multiply the budget.
 * - /48, 4×: what an organization is assigned. A mobile operator assigns one /48 to thousands of phones, so its budget is that of four schools.
 */
const PREFIXES = [
  { bits: 64, weight: 1 },
  { bits: 56, weight: 2 },
  { bits: 48, weight: 4 },
] as const;

/** First six groups of the addresses with an embedded IPv4 address: IPv4-mapped (RFC 4291, 2.5.5.2) and NAT64 (RFC 6052, 2.1). */
const IPV4_EMBEDDING_PREFIXES = new Set(['0:0:0:0:0:ffff', '64:ff9b:0:0:0:0']);

/**
 * Returns the networks that an address is counted with, narrowest first: one for IPv4, three for IPv6. IPv4-mapped and NAT64 addresses
 * count as the embedded IPv4 address. Text that is not an address is its own network.
 *
 * Lock their counters in this order. All transactions do, so they cannot deadlock.
 */
export function throttleNetworks(address: string): Network[] {
  if (!isIPv6(address)) return [{ name: address, weight: 1 }];
  const groups = parseGroups(address);
  const hex = groups.map((group) => group.toString(16));
  if (IPV4_EMBEDDING_PREFIXES.has(hex.slice(0, 6).join(':'))) return [{ name: extractIPv4(groups), weight: 1 }];
  return PREFIXES.map(({ bits, weight }) => ({ name: prefixOf(groups, bits), weight }));
}

/** Returns the eight groups of a valid IPv6 address. */
function parseGroups(address: string): number[] {
  // The zone (`%eth0`) names an interface of this host. The URL parser writes each address in one way, without dotted decimals.
  const [bare = ''] = address.split('%');
  const spelling = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const [head = [], tail = []] = spelling.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: GROUP_COUNT - head.length - tail.length }, () => '0');
  return [...head, ...zeros, ...tail].map((group) => Number.parseInt(group, 16));
}

function extractIPv4(groups: readonly number[]): string {
  return groups
    .slice(-2)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.');
}

function prefixOf(groups: readonly number[], bits: number): string {
  const kept = groups.slice(0, Math.ceil(bits / 16)).map((group, at) => {
    const rest = Math.min(16, bits - at * 16);
    return (group & (0xffff << (16 - rest)) & 0xffff).toString(16);
  });
  return `${kept.join(':')}::/${String(bits)}`;
}
