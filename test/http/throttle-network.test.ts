/** The addresses of an IPv6 network share its throttles; the audit log stores each address. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { listAuditAddresses } from '../helpers/city.ts';
import { freezeTime, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { startService, type TestService } from '../helpers/service.ts';

const HERE = ['2001:db8:7:1::1', '2001:db8:7:1:ffff::2', '2001:db8:7:1:1:2:3:4'];
const NEIGHBOR = '2001:db8:7:2::1';
const IPV4 = ['203.0.113.7', '::ffff:203.0.113.7', '203.0.113.8'];

describe('the addresses of one IPv6 network', () => {
  let service: TestService;
  let time: FrozenTime;
  before(async () => {
    // A bucket leaks one attempt per second.
    time = freezeTime();
    service = await startService({ clients: [], env: { KINPASS_TRUSTED_PROXIES: 'loopback' } });
  });
  after(async () => {
    await service.stop();
    time.release();
  });

  /** Lists the number of failures in each bucket. */
  const buckets = async (kind: string): Promise<number[]> => {
    const rows = await service.container.store.read((tx) => tx.db.select().from(tx.tables.throttles));
    return rows.flatMap(({ key, failures }) => (key.startsWith(`${kind}:`) ? [failures] : [])).sort();
  };

  it('count as one at sign-in; IPv4 addresses count separately', async () => {
    for (const [at, address] of [...HERE, NEIGHBOR, ...IPV4].entries()) {
      const from = { 'x-forwarded-for': address };
      const httpBrowser = createHttpBrowser(service.issuer);
      const page = await httpBrowser.open('/account', from);
      await httpBrowser.submit(page, { login: `unknown.${String(at)}@parents.example`, password: 'x' }, from);
    }
    // /64: 3 and 1; /56 and /48: 4 each; IPv4: 2 and 1.
    assert.deepEqual(await buckets('address'), [1, 1, 2, 3, 4, 4]);
    assert.deepEqual(await listAuditAddresses(service, 'sign_in.failed'), [...HERE, NEIGHBOR, ...IPV4]);
  });

  it('count as one for password reset requests', async () => {
    for (const address of [...HERE, NEIGHBOR]) {
      await createHttpBrowser(service.issuer).post('/forgot-password', 'login=unknown', { 'x-forwarded-for': address });
    }
    assert.deepEqual(await buckets('recovery-address'), [1, 3, 4, 4]);
    assert.deepEqual(await listAuditAddresses(service, 'password_reset.requested'), [...HERE, NEIGHBOR]);
  });
});
