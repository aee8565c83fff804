import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/** An IPv6 address has eight groups of 16 bits. */
const GROUPS = 8;
/** The whole of IPv4 lies in this one network, where a translator stands before an IPv6-only service. */
const TRANSLATED = '64:ff9b::';

/**
 * What is counted as one visitor: an IPv4 address, and of IPv6 the /64, because each household has a whole one (RFC 6177) and
 * could take a new address for each try. An IPv4 address in IPv6 clothes (RFC 4291, section 2.5.5.2; RFC 6052, section 2.1) counts
 * for itself. Anything else that a proxy wrote counts as the text that it is.
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  // The zone (`%eth0`) says by which way it came. Node writes every address in one spelling.
  const [bare = ''] = address.split('%');
  const spelling = new SocketAddress({ address: bare, family: 'ipv6' }).address;
  const inner = spelling.replace('::ffff:', '');
  if (isIPv4(inner)) return inner;
  if (spelling.startsWith(TRANSLATED)) return spelling;
  const [head = [], tail = []] = spelling.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: Math.max(0, GROUPS - head.length - tail.length) }, () => '0');
  return `${[...head, ...zeros, ...tail].slice(0, 4).join(':')}::/64`;
}
