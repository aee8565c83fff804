/** Attempts of other browsers do not throttle a browser in which a person has signed in. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { MAX_FAILURES_ACROSS_DEVICES } from '../../src/domain/throttling/throttle.ts';
import { hashId } from '../../src/platform/crypto/secrets.ts';
import { upsertResetLink } from '../../src/store/auth/credentials.ts';
import { upsertThrottle } from '../../src/store/auth/throttles.ts';
import { LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { countFailures, setFirstPassword, personId } from '../helpers/city.ts';
import { HOUR, freezeTime, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { eachService } from '../helpers/service-matrix.ts';

const COOKIE = 'kinpass_device';

eachService(
  'a known device',
  () => ({ clients: [] }),
  (running) => {
    let time: FrozenTime;
    before(() => {
      time = freezeTime();
    });
    after(() => {
      time.release();
    });
    beforeEach(async () => {
      time.advance(HOUR);
      await running().container.store.write((tx) => tx.db.delete(tx.tables.throttles));
    });

    const tokenOf = async (httpBrowser: HttpBrowser): Promise<string | undefined> =>
      (await httpBrowser.jar.getCookies(running().issuer)).find(({ key }) => key === COOKIE)?.value;
    /** Opens a browser without a session, with a device token if given. */
    const open = async (token?: string): Promise<HttpBrowser> => {
      const httpBrowser = createHttpBrowser(running().issuer);
      if (token !== undefined) await httpBrowser.jar.setCookie(`${COOKIE}=${token}; Path=/`, running().issuer);
      return httpBrowser;
    };
    const signIn = async (token: string | undefined, login: string, password = DEMO_PASSWORD): Promise<Answer> => {
      const httpBrowser = await open(token);
      return httpBrowser.submit(await httpBrowser.open('/account'), { login, password });
    };
    /** Signs in with a new browser. @returns its device token */
    const known = async (login: string): Promise<string> => {
      const httpBrowser = await open();
      await httpBrowser.submit(await httpBrowser.open('/account'), { login, password: DEMO_PASSWORD });
      return (await tokenOf(httpBrowser)) ?? '';
    };
    const attack = async (login: string, times: number): Promise<number[]> => {
      const statuses: number[] = [];
      for (let i = 0; i < times; i += 1) statuses.push((await signIn(undefined, login, `wrong ${String(i)}`)).status);
      return statuses;
    };
    const lock = (key: string, failures: number): Promise<void> =>
      running().container.store.write((tx) =>
        upsertThrottle(tx, key, { failures, blockedUntil: 0, updatedAt: Date.now() }),
      );

    it('signs in while five failed attempts throttle all other devices', async () => {
      const owner = await known(LOGIN.G2);
      assert.deepEqual(await attack(LOGIN.G2, 6), [422, 422, 422, 422, 422, 429]);
      assert.equal((await signIn(undefined, LOGIN.G2)).status, 429, 'an unknown browser waits');
      assert.equal((await signIn(owner, LOGIN.G2)).status, 200);
      assert.equal(await countFailures(running(), 'G2'), 0);
      assert.equal((await signIn(undefined, LOGIN.G2)).status, 200, 'a success ends the wait for all');
    });

    it('signs in after fifty failed attempts have locked the account for other devices', async () => {
      const owner = await known(LOGIN.G2);
      let admitted = 0;
      while (admitted < 50) {
        const [status] = await attack(LOGIN.G2, 1);
        if (status === 422) admitted += 1;
        else time.advance(15 * 60 * SECOND);
      }
      time.advance(HOUR);
      const stranger = await signIn(undefined, LOGIN.G2);
      assert.deepEqual([stranger.status, stranger.headers.get('retry-after')], [429, null]);
      assert.equal((await signIn(owner, LOGIN.G2)).status, 200);
    });

    it('signs in from an address that is throttled', async () => {
      const owner = await known(LOGIN.G2);
      const rows = await running().container.store.read((tx) => tx.db.select().from(tx.tables.throttles));
      for (const { key } of rows.filter((row) => row.key.startsWith('address:'))) await lock(key, 100_000);
      assert.equal((await signIn(undefined, LOGIN.T1)).status, 429);
      assert.equal((await signIn(owner, LOGIN.G2)).status, 200);
      assert.equal((await signIn(owner, LOGIN.T1)).status, 429, 'for another person it is unknown');
    });

    it('has its own throttle, which no other device shares', async () => {
      const [one, other] = [await known(LOGIN.G2), await known(LOGIN.G2)];
      for (let i = 0; i < 5; i += 1) assert.equal((await signIn(one, LOGIN.G2, 'wrong')).status, 422);
      const sixth = await signIn(one, LOGIN.G2);
      assert.deepEqual([sixth.status, sixth.headers.get('retry-after')], [429, '30']);
      assert.equal((await signIn(other, LOGIN.G2)).status, 200);
      assert.equal((await signIn(undefined, LOGIN.G2)).status, 200);
      time.advance(30 * SECOND);
      assert.equal((await signIn(one, LOGIN.G2)).status, 200);
    });

    it('counts as unknown if its own counter or that of all devices is full', async () => {
      const owner = await known(LOGIN.G2);
      assert.equal((await signIn(owner, LOGIN.G2, 'wrong')).status, 422);
      const rows = await running().container.store.read((tx) => tx.db.select().from(tx.tables.throttles));
      const device = rows.find(({ key }) => key.startsWith('device:'))?.key ?? '';
      await lock(device, 50);
      await attack(LOGIN.G2, 5);
      assert.equal((await signIn(owner, LOGIN.G2)).status, 429);
      time.advance(30 * SECOND);
      assert.equal((await signIn(owner, LOGIN.G2)).status, 200, 'admitted as an unknown one');
      await lock(`person:${personId('G2')}`, MAX_FAILURES_ACROSS_DEVICES - 1);
      assert.equal((await signIn(owner, LOGIN.G2, 'wrong')).status, 422);
      assert.equal(await countFailures(running(), 'G2'), MAX_FAILURES_ACROSS_DEVICES);
      assert.equal((await signIn(owner, LOGIN.G2)).status, 422, 'nothing is compared any more');
    });

    it('is remembered after a sign-in and the first change, not after a first password alone', async () => {
      const failed = await open();
      await failed.submit(await failed.open('/account'), { login: LOGIN.T1, password: 'wrong' });
      assert.equal(await tokenOf(failed), undefined);
      const mother = await known(LOGIN.T1);
      assert.match(mother, /^v1\.[\w-]{22}\.[\w-]{43}$/);
      await setFirstPassword(running(), 'G5', '100201');
      const family = await open(mother);
      const page = await family.submit(await family.open('/account'), { login: LOGIN.G5, password: '100201' });
      assert.equal(interactionOf(page), 'new_password');
      assert.equal(await tokenOf(family), mother);
      const next = 'four small boats at anchor';
      await family.submit(page, { current_password: '100201', new_password: next, confirm_password: next });
      const both = (await tokenOf(family)) ?? '';
      assert.match(both, /^v1\.[\w-]{22}(\.[\w-]{43}){2}$/);
      for (const login of [LOGIN.T1, LOGIN.G5]) await attack(login, 5);
      assert.equal((await signIn(both, LOGIN.T1)).status, 200);
      assert.equal((await signIn(both, LOGIN.G5, next)).status, 200);
    });

    it('is remembered after a password reset by link and after a password change', async () => {
      const token = 'x'.repeat(43);
      const now = Date.now();
      const link = { personId: personId('G3'), tokenHash: hashId(token), expiresAt: now + HOUR, createdAt: now };
      await running().container.store.write((tx) => upsertResetLink(tx, link));
      const httpBrowser = await open();
      const next = 'four small boats at anchor';
      const done = await httpBrowser.submit(await httpBrowser.open(`/reset-password?token=${token}`), {
        new_password: next,
        confirm_password: next,
      });
      assert.equal(done.status, 200);
      const afterReset = (await tokenOf(httpBrowser)) ?? '';
      await attack(LOGIN.G3, 5);
      assert.equal((await signIn(afterReset, LOGIN.G3, next)).status, 200);
      await httpBrowser.submit(await httpBrowser.open('/account'), { login: LOGIN.G3, password: next });
      await httpBrowser.jar.setCookie(`${COOKIE}=none; Path=/`, running().issuer);
      const last = 'five small boats at anchor';
      await httpBrowser.submit(await httpBrowser.open('/account/password'), {
        ...{ current_password: next, new_password: last, confirm_password: last },
      });
      await attack(LOGIN.G3, 5);
      assert.equal((await signIn(await tokenOf(httpBrowser), LOGIN.G3, last)).status, 200);
    });
  },
);
