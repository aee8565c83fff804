import assert from 'node:assert/strict';
import { it } from 'node:test';
import { z } from 'zod';
import { isSpecialUseHost } from '../../src/config/special-use-addresses.ts';

const PROVIDER_FETCH = new URL('../../node_modules/oidc-provider/lib/helpers/fetch_request.js', import.meta.url).href;
const providerFetch = z.object({
  isSpecialUseIP: z.custom<(address: string) => boolean>((value) => typeof value === 'function'),
});
const hostOf = (host: string): string => new URL(`https://${host}/`).hostname;

it('recognizes special-use addresses however a URL writes them', () => {
  const special = [
    ...['127.0.0.1', '127.9.9.9', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254'],
    ...['0.0.0.0', '100.64.0.1', '255.255.255.255', '2130706433', '0x7f000001', '0177.0.0.1', '127.1', '127.0.0.1.'],
    ...['[::]', '[::1]', '[::ffff:127.0.0.1]', '[::ffff:a00:1]', '[64:ff9b::a00:1]', '[64:ff9b::127.0.0.1]'],
    ...['[fd00::1]', '[fc00::1]', '[fe80::1]', '[febf::1]', '[2002:a00:1::]', '[2001:db8::1]'],
    ...['localhost', 'LOCALHOST', 'localhost.', 'app.localhost', '127。0。0。1'],
  ];
  for (const host of special) assert.ok(isSpecialUseHost(hostOf(host)), host);
  const usual = ['172.15.255.255', '172.32.0.1', '11.0.0.1', '100.128.0.1', '192.169.0.1', '8.8.8.8', '[2600::1]'];
  const names = ['portfolio.city.example', 'localhost.city.example', 'notlocalhost', '10.city.example'];
  for (const host of [...usual, ...names, '[::ffff:8.8.8.8]', '[fec0::1]']) {
    assert.ok(!isSpecialUseHost(hostOf(host)), host);
  }
});

it('agrees with the fetch of the provider at the edges of every prefix', async () => {
  const { isSpecialUseIP } = providerFetch.parse(await import(PROVIDER_FETCH));
  const v4 = [0, 1, 9, 10, 11, 100, 126, 127, 128, 169, 172, 191, 192, 193, 198, 203, 223, 224, 239, 240, 255].flatMap(
    (first) =>
      [0, 15, 16, 18, 19, 20, 31, 32, 51, 52, 63, 64, 88, 127, 128, 168, 175, 254].flatMap((second) =>
        [0, 2, 48, 99, 100, 113, 193, 196].map((third) => `${[first, second, third].join('.')}.7`),
      ),
  );
  const v6 = ['0', '64', '100', '2001', '2002', '2003', '2620', '3ffe', '3fff', '5eff', '5f00', 'fbff', 'fc00', 'fdff']
    .concat(['fe00', 'fe7f', 'fe80', 'febf', 'fec0', 'ff02', '2600'])
    .flatMap((first) => ['0', '1', '1ff', '200', 'db8', '4f', 'fff', '1000', 'ff9b'].map((next) => `${first}:${next}`))
    .flatMap((start) =>
      ['0:0:0:0:0:7', '8000:0:0:0:0:7', '1:0:0:0:0:7', '0:1:0:0:0:7', '0:0:0:1:0:7'].map((rest) => `${start}:${rest}`),
    );
  for (const address of [...v4, ...v6, '::', '::1', '::2']) {
    const host = address.includes(':') ? `[${address}]` : address;
    assert.equal(isSpecialUseHost(hostOf(host)), isSpecialUseIP(address), address);
  }
});
