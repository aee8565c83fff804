/** The addresses of an IPv6 network share its budgets; the audit log keeps each address. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import * as audit from '../../src/store/audit.ts';
import { freezeTime, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { startService, type TestService } from '../helpers/service.ts';

const HERE = ['2001:db8:7:1::1', '2001:db8:7:1:ffff::2', '2001:db8:7:1:1:2:3:4'];
const NEXT_DOOR = '2001:db8:7:2::1';
const IPV4 = ['203.0.113.7', '::ffff:203.0.113.7', '203.0.113.8'];

describe('addresses of one IPv6 network', () => {
  let service: TestService;
  let time: FrozenTime;
  before(async () => {
    // A bucket empties by one each second.
    time = freezeTime();
    service = await startService({ clients: [], env: { KINPASS_TRUSTED_PROXIES: 'loopback' } });
  });
  after(async () => {
    await service.stop();
    time.release();
  });

  /** So many failures stand in each bucket. */
  const buckets = async (kind: string): Promise<number[]> => {
    const rows = await service.container.store.read((tx) => tx.db.select().from(tx.tables.throttles));
    return rows.flatMap(({ key, failures }) => (key.startsWith(`${kind}:`) ? [failures] : [])).sort();
  };
  const seen = async (event: string): Promise<(string | null)[]> => {
    const entries = await service.container.store.read((tx) => audit.listEntries(tx, 0, 1_000));
    return entries.filter((entry) => entry.event === event).map(({ address }) => address);
  };

  it('count as one at sign-in; IPv4 addresses count each for itself', async () => {
    for (const [at, address] of [...HERE, NEXT_DOOR, ...IPV4].entries()) {
      const from = { 'x-forwarded-for': address };
      const httpBrowser = createHttpBrowser(service.issuer);
      const page = await httpBrowser.open('/account', from);
      await httpBrowser.submit(page, { login: `nobody.${String(at)}@parents.example`, password: 'x' }, from);
    }
    // /64: 3 and 1; /56 and /48: 4 each; IPv4: 2 and 1.
    assert.deepEqual(await buckets('address'), [1, 1, 2, 3, 4, 4]);
    assert.deepEqual(await seen('sign_in.failed'), [...HERE, NEXT_DOOR, ...IPV4]);
  });

  it('count as one where a password was forgotten', async () => {
    for (const address of [...HERE, NEXT_DOOR]) {
      await createHttpBrowser(service.issuer).post('/forgot-password', 'login=nobody', { 'x-forwarded-for': address });
    }
    assert.deepEqual(await buckets('recovery-address'), [1, 3, 4, 4]);
    assert.deepEqual(await seen('password_reset.requested'), [...HERE, NEXT_DOOR]);
  });
});
