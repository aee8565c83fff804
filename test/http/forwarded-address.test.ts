/** The client address in the audit log, on the account page and in the throttles, for each form of X-Forwarded-For. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import fc from 'fast-check';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { parseForwardedAddress } from '../../src/http/middleware/issuer-origin.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { listAuditAddresses } from '../helpers/city.ts';
import { freezeTime, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf } from '../helpers/http-browser.ts';
import { startService, type TestService } from '../helpers/service.ts';

/** The address of the test as a proxy: localhost in IPv4 or IPv6. */
const PROXY = /^(127\.0\.0\.1|::1|::ffff:127\.0\.0\.1)$/;

/** The header and the expected client address; undefined: that of the proxy. */
const HEADERS: readonly [header: string, address: string | undefined][] = [
  ['203.0.113.7', '203.0.113.7'],
  ['203.0.113.7:51234', '203.0.113.7'],
  ['203.0.113.7:1', '203.0.113.7'],
  ['  203.0.113.7  ', '203.0.113.7'],
  ['2001:db8::1', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['2001:db8::1%eth0', '2001:db8::1'],
  ['[fe80::1%25eth0]:80', 'fe80::1'],
  ['::ffff:203.0.113.7', '::ffff:203.0.113.7'],
  ['[::ffff:203.0.113.7]:51234', '::ffff:203.0.113.7'],
  // Trusted proxies are recognized with a port too.
  ['203.0.113.7, 127.0.0.1', '203.0.113.7'],
  ['203.0.113.7:51234, 127.0.0.1:8080', '203.0.113.7'],
  ['203.0.113.7, [::1]:8080', '203.0.113.7'],
  // The first address from the right that is not trusted is the client.
  ['198.51.100.1, 203.0.113.7', '203.0.113.7'],
  ['198.51.100.1, 203.0.113.7:51234', '203.0.113.7'],
  ['unknown, 203.0.113.7', '203.0.113.7'],
  // Text that is not an address counts as the proxy that sent it. Everything to its left is ignored.
  ['unknown', undefined],
  ['', undefined],
  [',', undefined],
  ['203.0.113.7,', undefined],
  ['203.0.113.7, unknown', undefined],
  ['203.0.113.7, , 127.0.0.1', undefined],
  ['203.0.113.7, <script>alert(1)</script>, 127.0.0.1', undefined],
  ['203.0.113.7:', undefined],
  ['203.0.113.7:port', undefined],
  ['203.0.113.7:123456', undefined],
  ['203.0.113.256', undefined],
  ['0203.0.113.7', undefined],
  ['203.0.113', undefined],
  ['3405803783', undefined],
  ['[203.0.113.7]:443', undefined],
  ['[2001:db8::1', undefined],
  ['[2001:db8::1]443', undefined],
  ['2001:db8::/32', undefined],
  ['203.0.113.7%eth0', undefined],
  ['"203.0.113.7"', undefined],
  ['for=203.0.113.7', undefined],
  ['evil.example', undefined],
];

describe('X-Forwarded-For', () => {
  let service: TestService;
  let time: FrozenTime;
  before(async () => {
    time = freezeTime();
    service = await startService({ clients: [], env: { KINPASS_TRUSTED_PROXIES: 'loopback' } });
  });
  after(async () => {
    await service.stop();
    time.release();
  });

  const fail = async (header: string, login: string): Promise<void> => {
    const httpBrowser = createHttpBrowser(service.issuer, 'zh-TW', { 'x-forwarded-for': header });
    await httpBrowser.submit(await httpBrowser.open('/account'), { login, password: 'x' });
  };

  it('yields an IP address in the audit log for every form, and never other text', async () => {
    for (const [at, [header]] of HEADERS.entries()) await fail(header, `unknown.${String(at)}@parents.example`);
    const addresses = await listAuditAddresses(service, 'sign_in.failed');
    assert.equal(addresses.length, HEADERS.length);
    for (const [at, [header, address]] of HEADERS.entries()) {
      const kept = addresses[at] ?? '';
      if (address === undefined) assert.match(kept, PROXY, header);
      else assert.equal(kept, address, header);
    }
  });

  it('is not shown on the account page, in any form', async () => {
    for (const header of ['203.0.113.7:51234', '[2001:db8::1]:443', '203.0.113.7, my own machine']) {
      const httpBrowser = createHttpBrowser(service.issuer, 'zh-TW', { 'x-forwarded-for': header });
      const page = await httpBrowser.open('/account');
      const text = textOf((await httpBrowser.submit(page, { login: LOGIN.G2, password: DEMO_PASSWORD })).body);
      assert.match(text, /登入中的裝置/);
      assert.doesNotMatch(text, /203\.0\.113\.7|2001:db8|127\.0\.0\.1|::1|my own machine/);
    }
  });

  it('counts an address once for all ports', async () => {
    await service.container.store.write((tx) => tx.db.delete(tx.tables.throttles));
    for (const port of [1, 2, 3]) await fail(`198.51.100.9:${String(port)}`, `port.${String(port)}@parents.example`);
    const rows = await service.container.store.read((tx) => tx.db.select().from(tx.tables.throttles));
    const counted = rows.filter(({ key }) => key.startsWith('address:')).map(({ failures }) => failures);
    assert.deepEqual(counted, [3]);
  });
});

describe('parseForwardedAddress', () => {
  it('returns an IP address with any port, zone and spaces, and undefined for all other text', () => {
    const port = fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined });
    const suffix = port.map((value) => (value === undefined ? '' : `:${String(value)}`));
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV6(), suffix, (ipv4, ipv6, end) => {
        assert.equal(parseForwardedAddress(` ${ipv4}${end}\t`), ipv4);
        assert.equal(parseForwardedAddress(`for=${ipv4}${end}`), undefined);
        assert.equal(parseForwardedAddress(`[${ipv6}]${end}`), ipv6);
        assert.equal(parseForwardedAddress(`${ipv6}%en0 `), ipv6);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (text) => {
        assert.match(parseForwardedAddress(text) ?? '', /^[\da-fA-F:.]*$/);
      }),
    );
  });
});
