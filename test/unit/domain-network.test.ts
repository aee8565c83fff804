import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { throttleNetworks } from '../../src/domain/throttling/network.ts';

const names = (address: string): string[] => throttleNetworks(address).map(({ name }) => name);

describe('throttleNetworks', () => {
  it('returns the /64, /56 and /48 of an IPv6 address with 1, 2 and 4 times the budget', () => {
    assert.deepEqual(throttleNetworks('2001:db8:1:23ff::1'), [
      { name: '2001:db8:1:23ff::/64', weight: 1 },
      { name: '2001:db8:1:2300::/56', weight: 2 },
      { name: '2001:db8:1::/48', weight: 4 },
    ]);
    assert.deepEqual(names('::1'), ['0:0:0:0::/64', '0:0:0:0::/56', '0:0:0::/48']);
    assert.deepEqual(names('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'), [
      'ffff:ffff:ffff:ffff::/64',
      'ffff:ffff:ffff:ff00::/56',
      'ffff:ffff:ffff::/48',
    ]);
  });

  it('returns the same networks however the address is written', () => {
    for (const address of [
      '2001:db8:1:2::1',
      '2001:DB8:1:2::ffff',
      '2001:0db8:0001:0002:0003:0004:0005:0006',
      '2001:db8:1:2:a::',
      '2001:db8:1:2::198.51.100.7',
      '2001:db8:1:2::1%eth0',
    ]) {
      assert.deepEqual(names(address), ['2001:db8:1:2::/64', '2001:db8:1:0::/56', '2001:db8:1::/48'], address);
    }
    assert.equal(names('2001:db8::1:2:3:4:5')[0], '2001:db8:0:1::/64');
    assert.equal(names('::198.51.100.7')[0], '0:0:0:0::/64');
  });

  it('returns one network for IPv4, also where it is embedded in IPv6', () => {
    for (const [address, name] of [
      ['203.0.113.7', '203.0.113.7'],
      ['::ffff:203.0.113.7', '203.0.113.7'],
      ['::FFFF:cb00:7107', '203.0.113.7'],
      ['::ffff:203.0.113.7%eth0', '203.0.113.7'],
      ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
      ['64:ff9b::203.0.113.7', '203.0.113.7'],
      ['64:ff9b::cb00:7107', '203.0.113.7'],
      ['64:ff9b::ffff:ffff', '255.255.255.255'],
      ['64:ff9b::', '0.0.0.0'],
    ] as const) {
      assert.deepEqual(throttleNetworks(address), [{ name, weight: 1 }], address);
    }
    for (const other of ['64:ff9b:1::cb00:7107', '64:ff9b::1:cb00:7107', '::fffe:cb00:7107', '::1:ffff:cb00:7107']) {
      assert.equal(throttleNetworks(other).length, 3, other);
    }
  });

  it('returns text that is no address as one network', () => {
    for (const name of ['', 'unknown', '203.0.113.7:443', '[2001:db8::1]', '2001:db8::/32', 'x::1']) {
      assert.deepEqual(throttleNetworks(name), [{ name, weight: 1 }]);
    }
  });

  it('depends on the first 64, 56 and 48 bits of an address and on no others', () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    const eight = fc.array(group, { minLength: 8, maxLength: 8 });
    const write = (groups: readonly number[]): string => groups.map((value) => value.toString(16)).join(':');
    fc.assert(
      fc.property(eight, fc.nat(127), ([first = 0, ...rest], bit) => {
        const groups = [first | 0x2000, ...rest];
        const flipped = groups.map((value, at) => (at === bit >> 4 ? value ^ (0x8000 >> (bit & 15)) : value));
        fc.pre(flipped.slice(0, 5).some((value) => value !== 0));
        const [before, after] = [names(write(groups)), names(write(flipped))];
        const same = before.map((name, at) => name === after[at]);
        assert.deepEqual(same, [bit >= 64, bit >= 56, bit >= 48]);
      }),
    );
  });
});
