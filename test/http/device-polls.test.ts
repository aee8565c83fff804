/** The polling interval of devices (RFC 8628, sections 3.2 and 3.5). */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';

import * as client from 'openid-client';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { startPurgeJob } from '../../src/jobs/purge.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { requestTokens, LOGIN, type Reply } from '../helpers/authorization-flow.ts';
import { DAY, freezeTime, MINUTE, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

eachService(
  'a device that polls',
  () => ({
    clients: [
      createRegistration('television', secret, { scopes: ['openid'], device_flow: true }),
      createRegistration('other', secret, { scopes: ['openid'], device_flow: true }),
    ],
  }),
  (running) => {
    let time: FrozenTime;
    let television: TestParty;
    let other: TestParty;
    before(async () => {
      time = freezeTime();
      const { issuer } = running();
      television = await createParty(issuer, { id: 'television', secret, scope: 'openid' });
      other = await createParty(issuer, { id: 'other', secret, scope: 'openid' });
    });
    after(() => {
      time.release();
    });

    const show = (): Promise<client.DeviceAuthorizationResponse> =>
      client.initiateDeviceAuthorization(television.config, { scope: 'openid' });
    const ask = (deviceCode: string, party = television): Promise<Reply> =>
      requestTokens(party, { grant_type: DEVICE_GRANT, device_code: deviceCode });
    const poll = async (deviceCode: string): Promise<unknown> => {
      const { status, body } = await ask(deviceCode);
      assert.equal(status, 400);
      return body['error'];
    };
    const states = async (): Promise<(string | number)[][]> => {
      const { store } = running().container;
      const rows = await store.read((tx) => tx.db.select().from(tx.tables.oidcRecords));
      return rows
        .filter(({ model }) => model === 'DevicePoll')
        .map(({ payload, expiresAt }) => [payload, expiresAt ?? 0]);
    };

    it('gets the interval of 5 seconds with its code', async () => {
      assert.equal((await show()).interval, 5);
    });

    it('at the interval gets authorization_pending each time', async () => {
      const { device_code: code } = await show();
      for (let at = 0; at < 4; at += 1) {
        assert.equal(await poll(code), 'authorization_pending', String(at));
        time.advance(5 * SECOND);
      }
    });

    it('faster gets slow_down, and each time the interval grows by 5 seconds', async () => {
      const [{ device_code: hasty }, { device_code: calm }] = [await show(), await show()];
      assert.equal(await poll(hasty), 'authorization_pending');
      assert.equal(await poll(calm), 'authorization_pending');
      time.advance(4 * SECOND);
      const { body } = await ask(hasty);
      assert.deepEqual(body, { error: 'slow_down', error_description: 'poll at most every 10 seconds' });
      time.advance(SECOND);
      assert.equal(await poll(hasty), 'slow_down', 'the old interval is no longer enough');
      assert.equal(await poll(calm), 'authorization_pending', 'another code has its own');
      time.advance(15 * SECOND);
      assert.equal(await poll(hasty), 'authorization_pending');
      time.advance(14 * SECOND);
      assert.equal(await poll(hasty), 'slow_down');
    });

    it('several times at the same moment gets one authorization_pending', async () => {
      const { device_code: code } = await show();
      for (let round = 0; round < 3; round += 1) {
        const errors = await Promise.all(Array.from({ length: 8 }, () => poll(code)));
        assert.equal(errors.filter((error) => error === 'authorization_pending').length, 1, errors.join(' '));
        time.advance(MINUTE);
      }
    });

    it('gets tokens also for an early poll, and unknown or used codes get their usual error', async () => {
      const { device_code: code, user_code: userCode } = await show();
      await poll(code);
      assert.equal(await poll(code), 'slow_down');
      const phone = createHttpBrowser(running().issuer);
      const confirm = await phone.submit(await phone.open('/device'), { user_code: userCode });
      const signIn = await phone.submit(confirm, { confirm: 'yes' });
      await phone.submit(signIn, { login: LOGIN.T2, password: DEMO_PASSWORD });
      assert.equal((await ask(code)).status, 200);
      for (const dead of [code, 'invented']) {
        assert.equal(await poll(dead), 'invalid_grant');
        assert.equal(await poll(dead), 'invalid_grant');
      }
    });

    it('gets access_denied and expired_token also for an early poll', async () => {
      const refused = await show();
      await poll(refused.device_code);
      const phone = createHttpBrowser(running().issuer);
      const confirm = await phone.submit(await phone.open('/device'), { user_code: refused.user_code });
      await phone.submit(confirm, { abort: 'yes' });
      assert.equal(await poll(refused.device_code), 'access_denied');
      const expired = await show();
      await poll(expired.device_code);
      time.advance(10 * MINUTE);
      assert.equal(await poll(expired.device_code), 'expired_token');
    });

    it('is not slowed down by another client', async () => {
      const { device_code: code } = await show();
      await poll(code);
      time.advance(4 * SECOND);
      for (let at = 0; at < 3; at += 1) assert.equal((await ask(code, other)).body['error'], 'invalid_grant');
      time.advance(SECOND);
      assert.equal(await poll(code), 'authorization_pending');
    });

    it('stores one small record per code, which is purged with the code', async () => {
      const before = (await states()).length;
      const { device_code: code } = await show();
      await ask('invented');
      for (let at = 0; at < 15; at += 1) await poll(code);
      const grown = await states();
      assert.equal(grown.length, before + 1);
      assert.ok(grown.some(([payload]) => String(payload).includes('"intervalSeconds":60')));
      assert.ok(grown.some(([, expiresAt]) => expiresAt === Date.now() + 10 * MINUTE));
      await poll(code);
      assert.deepEqual((await states()).sort(), grown.sort(), 'nothing is written after the interval has its maximum');
      time.advance(DAY + 10 * MINUTE);
      const { store, secrets } = running().container;
      const log = createLogger('silent');
      const metrics = createMetrics({ queueLength: () => 0 }, log);
      await startPurgeJob({ store, secrets, clock: systemClock, log, metrics }).stop();
      assert.deepEqual(await states(), []);
    });
  },
);
