import { BlockList, isIP } from 'node:net';

/** Prefixes that the provider's fetch refuses (IANA special-purpose address registries, RFC 6890). */
const SPECIAL_USE_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '240.0.0.0/4',
];
const SPECIAL_USE_IPV6 = [
  '::/128',
  '::1/128',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '100:0:0:1::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '2620:4f:8000::/48',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
];

/** An IPv4-mapped address counts as its IPv4 address. */
const specialUse = new BlockList();
for (const [family, prefixes] of [
  ['ipv4', SPECIAL_USE_IPV4],
  ['ipv6', SPECIAL_USE_IPV6],
] as const) {
  for (const prefix of prefixes) {
    const [network = '', bits] = prefix.split('/');
    specialUse.addSubnet(network, Number(bits), family);
  }
}

/**
 * Returns true if a host is a private, loopback or other special-use address, or a name of the machine itself (RFC 6761, section 6.3). A
 * name that a server resolves to such an address is refused when the service connects.
 *
 * @param hostname as `URL.hostname` writes it: decimal and hexadecimal IPv4 addresses in dotted form, IPv6 addresses in brackets
 */
export function isSpecialUseHost(hostname: string): boolean {
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  const version = isIP(address);
  if (version !== 0) return specialUse.check(address, version === 4 ? 'ipv4' : 'ipv6');
  return /(^|\.)localhost\.?$/i.test(address);
}
