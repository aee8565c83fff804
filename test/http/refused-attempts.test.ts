/** Rejected attempts in the audit log: the first of a window has an entry, and one entry summarizes the others. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { upsertThrottle } from '../../src/store/auth/throttles.ts';
import { withoutRequestId } from '../helpers/audit-chain.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { personId } from '../helpers/city.ts';
import { DAY, HOUR, freezeTime, MINUTE, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { eachService } from '../helpers/service-matrix.ts';

interface Entry {
  event: string;
  subjectId: string | null;
  detail: Record<string, string | number | boolean>;
}

eachService(
  'rejected attempts',
  () => ({ clients: [] }),
  (running) => {
    let time: FrozenTime;
    let earlier = 0;
    before(() => {
      time = freezeTime();
    });
    after(() => {
      time.release();
    });
    const entries = (): Promise<Entry[]> =>
      running().container.store.read((tx) => tx.db.select().from(tx.tables.audit).orderBy(tx.tables.audit.seq));
    const recorded = async (event: string): Promise<Entry[]> =>
      (await entries()).slice(earlier).filter((entry) => entry.event === event);
    const counters = (): Promise<{ key: string; refusals: number }[]> =>
      running().container.store.read((tx) => tx.db.select().from(tx.tables.throttles));
    beforeEach(async () => {
      time.advance(HOUR);
      await running().container.store.write((tx) => tx.db.delete(tx.tables.throttles));
      earlier = (await entries()).length;
    });

    const attempt = async (login: string, times: number, password = 'wrong'): Promise<number[]> => {
      const httpBrowser = createHttpBrowser(running().issuer);
      const page = await httpBrowser.open('/account');
      const statuses: number[] = [];
      for (let i = 0; i < times; i += 1) statuses.push((await httpBrowser.submit(page, { login, password })).status);
      return statuses;
    };
    const isTwoEntries = (found: readonly Entry[], attempts: number, subjectId: string | null): void => {
      assert.equal(found.length, 2);
      const [first, rest] = found;
      assert.deepEqual(
        [withoutRequestId(first?.detail ?? {}), first?.subjectId, rest?.subjectId],
        [{}, subjectId, subjectId],
      );
      assert.equal(rest?.detail['attempts'], attempts - 1);
      assert.equal(typeof rest.detail['since'], 'number');
    };

    it('of a login are two entries with the correct total after the next admitted attempt', async () => {
      for (const [login, subject] of [
        [LOGIN.G2, personId('G2')],
        ['unknown@parents.example', null],
      ] as const) {
        earlier = (await entries()).length;
        const statuses = await attempt(login, 205);
        assert.equal(statuses.filter((status) => status === 429).length, 200);
        assert.deepEqual(
          (await recorded('sign_in.throttled')).map(({ detail }) => withoutRequestId(detail)),
          [{}],
        );
        time.advance(MINUTE);
        assert.deepEqual(await attempt(login, 1), [422]);
        isTwoEntries(await recorded('sign_in.throttled'), 200, subject);
        assert.equal((await recorded('sign_in.failed')).length, 6);
      }
    });

    it('of a login are summarized after a success', async () => {
      await attempt(LOGIN.G2, 25);
      time.advance(MINUTE);
      assert.deepEqual(await attempt(LOGIN.G2, 1, DEMO_PASSWORD), [200]);
      isTwoEntries(await recorded('sign_in.throttled'), 20, personId('G2'));
    });

    it('are summarized when an operator unlocks the account', async () => {
      await attempt(LOGIN.G2, 25);
      await running().container.people.unlock(personId('G2'));
      isTwoEntries(await recorded('sign_in.throttled'), 20, personId('G2'));
      assert.equal((await recorded('person.unlocked')).length, 1);
    });

    it('of a locked login are summarized once per hour while they continue', async () => {
      await attempt(LOGIN.G2, 1);
      for (const { key } of await counters()) {
        if (!key.startsWith('login:')) continue;
        const locked = { failures: 50, blockedUntil: 0, updatedAt: Date.now() };
        await running().container.store.write((tx) => upsertThrottle(tx, key, locked));
      }
      for (let hour = 0; hour < 3; hour += 1) {
        assert.deepEqual(new Set(await attempt(LOGIN.G2, 10)), new Set([429]));
        time.advance(HOUR);
      }
      const found = await recorded('sign_in.throttled');
      assert.deepEqual(
        found.map(({ detail }) => detail['attempts']),
        [undefined, 10, 10],
      );
    });

    it('are summarized in one entry before their counters are purged', async () => {
      for (const login of ['one@parents.example', 'two@parents.example']) await attempt(login, 10);
      const subject = (await counters()).reduce((sum, { refusals }) => sum + refusals, 0);
      assert.equal(subject, 8);
      time.advance(31 * DAY);
      await Promise.all(
        running()
          .container.startJobs()
          .map((job) => job.stop()),
      );
      const [, , purged, ...others] = await recorded('sign_in.throttled');
      assert.deepEqual([purged?.detail['attempts'], purged?.detail['counters'], others], [8, 2, []]);
      assert.deepEqual(await counters(), []);
    });

    it('of a throttled address are one entry per hour with the network and leave no counters', async () => {
      await attempt('unknown@parents.example', 1);
      const address = (await counters()).find(({ key }) => key.startsWith('address:'))?.key ?? '';
      const full = { failures: 100_000, blockedUntil: 0, updatedAt: Date.now() };
      await running().container.store.write((tx) => upsertThrottle(tx, address, full));
      const before = (await counters()).length;
      for (let i = 0; i < 20; i += 1) assert.deepEqual(await attempt(`unknown.${String(i)}@parents.example`, 1), [429]);
      assert.equal((await counters()).length, before);
      time.advance(HOUR);
      assert.deepEqual(await attempt('unknown.else@parents.example', 1), [429]);
      const [, rest, ...others] = await recorded('sign_in.throttled');
      assert.equal(rest?.detail['attempts'], 20);
      assert.match(String(rest.detail['network']), /^127\.0\.0\.1$|^0:0:0:0::\/64$/);
      assert.deepEqual([rest.subjectId, others], [null, []]);
    });

    it('of password reset requests are two entries with the correct total', async () => {
      const ask = async (login: string, times: number): Promise<void> => {
        const httpBrowser = createHttpBrowser(running().issuer);
        const page = await httpBrowser.open('/forgot-password');
        await Promise.all(Array.from({ length: times }, () => httpBrowser.submit(page, { login })));
      };
      await ask(LOGIN.G2, 23);
      assert.equal((await recorded('password_reset.requested')).length, 4, 'three mails and the first refusal');
      time.advance(HOUR);
      await ask(LOGIN.G2, 1);
      const [summary, ...others] = await recorded('password_reset.throttled');
      assert.deepEqual([summary?.detail['attempts'], summary?.subjectId, others], [19, personId('G2'), []]);
    });
  },
);
