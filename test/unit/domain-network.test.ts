import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { networkOf } from '../../src/domain/network.ts';

describe('the network that an address is counted with', () => {
  it('is a /64 for IPv6, however the address is written', () => {
    const same = [
      '2001:db8:1:2::1',
      '2001:DB8:1:2::ffff',
      '2001:0db8:0001:0002:0003:0004:0005:0006',
      '2001:db8:1:2:a::',
      '2001:db8:1:2::198.51.100.7',
      '2001:db8:1:2::1%eth0',
    ];
    assert.deepEqual(new Set(same.map(networkOf)), new Set(['2001:db8:1:2::/64']));
    assert.equal(networkOf('::1'), '0:0:0:0::/64');
    assert.equal(networkOf('2001:db8::1:2:3:4:5'), '2001:db8:0:1::/64');
    assert.notEqual(networkOf('2001:db8:1:3::1'), networkOf('2001:db8:1:2::1'));
  });

  it('is the address itself for IPv4, also where it is written as IPv6', () => {
    for (const [address, network] of [
      ['203.0.113.7', '203.0.113.7'],
      ['::ffff:203.0.113.7', '203.0.113.7'],
      ['::FFFF:cb00:7107', '203.0.113.7'],
      ['0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7'],
      ['64:ff9b::203.0.113.7', '64:ff9b::cb00:7107'],
    ] as const) {
      assert.equal(networkOf(address), network, address);
    }
  });

  it('is the text itself where a proxy wrote something else', () => {
    for (const text of ['', 'unknown', '203.0.113.7:443', '[2001:db8::1]', '2001:db8::/32', 'x::1']) {
      assert.equal(networkOf(text), text);
    }
  });

  it('has the first four groups of any address, and no others', () => {
    const group = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16));
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        fc.pre(!groups.slice(0, 5).every((one) => one === '0'));
        assert.equal(networkOf(groups.join(':')), `${groups.slice(0, 4).join(':')}::/64`);
      }),
    );
  });
});
