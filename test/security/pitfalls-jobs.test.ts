/** The parts of pitfalls 7, 9 and 12 about jobs and the log. The others are in pitfalls.test.ts. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { createLogger } from '../../src/platform/logger.ts';
import { runAuthorization, LOGIN, signInWithNewBrowser } from '../helpers/authorization-flow.ts';
import { DAY, freezeTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { startLogoutReceiver } from '../helpers/logout-receiver.ts';
import { pollUntil } from '../helpers/poll.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

/** The outbox polls every two seconds, and other tests run at the same time. */
const TIMEOUT_MS = 20_000;
const secret = newSecret();
const OFFLINE = { scope: 'openid profile offline_access', prompt: 'consent' };
const clients = (): { clients: object[] } => ({
  clients: [createRegistration('app', secret, { scopes: ['openid', 'profile', 'offline_access'] })],
});
const partyOf = ({ issuer }: TestService, scope = 'openid profile'): Promise<TestParty> =>
  createParty(issuer, { id: 'app', scope, secret });

describe('pitfall 7: lost logout notifications', () => {
  it('an app that never accepts its logout token leaves a dead-lettered job, and is counted', async () => {
    let issuer = '';
    const receiver = await startLogoutReceiver(() => issuer, 'app');
    const service = await startService({
      clients: [createRegistration('app', secret, { scopes: ['openid'], backchannel_logout_uri: receiver.url })],
    });
    ({ issuer } = service);
    const { store, metrics } = service.container;
    const jobs = () => store.read((tx) => tx.db.select().from(tx.tables.outbox));
    try {
      receiver.respondWith(500);
      const { httpBrowser } = await signInWithNewBrowser(await partyOf(service, 'openid'), { login: LOGIN.T2 });
      await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
      await pollUntil('the first try', async () => ((await jobs())[0]?.lastError ?? null) !== null, TIMEOUT_MS);
      // A day and a half later, only the last attempt is left.
      await store.write((tx) => tx.db.update(tx.tables.outbox).set({ attempts: 44, nextAt: Date.now() }));
      const dead = await pollUntil(
        'the last try',
        async () => (await jobs()).find(({ deadAt }) => deadAt !== null),
        TIMEOUT_MS,
      );
      assert.equal(dead.attempts, 45);
      assert.notEqual(dead.payload, '', 'it can be sent again');
      const text = await metrics.registry.metrics();
      assert.match(text, /kinpass_outbox_deliveries_total\{kind="backchannel_logout",outcome="dead"\} 1/);
    } finally {
      await service.stop();
      await receiver.close();
    }
  });
});

describe('pitfall 9: rows never purged', () => {
  it('the jobs remove all sessions, grants, tokens, links and counters within a year', async () => {
    const time = freezeTime();
    const service = await startService(clients());
    const { store } = service.container;
    const count = (): Promise<Record<string, number>> =>
      store.read(async (tx) => {
        const { oidcRecords, sessions, grants, resetLinks, throttles, outbox, audit } = tx.tables;
        const rows: Record<string, number> = {};
        for (const [name, table] of Object.entries({
          oidcRecords,
          sessions,
          grants,
          resetLinks,
          throttles,
          outbox,
          audit,
        })) {
          rows[name] = (await tx.db.select().from(table)).length;
        }
        return rows;
      });
    try {
      const app = await partyOf(service);
      const { httpBrowser } = await signInWithNewBrowser(app, { login: LOGIN.T2, parameters: OFFLINE, remember: true });
      await httpBrowser
        .submit(await httpBrowser.open('/account'), { login: LOGIN.T2, password: 'wrong' })
        .catch(() => undefined);
      await runAuthorization(app, createHttpBrowser(service.issuer), { login: LOGIN.G2, password: 'wrong' });
      const forgot = createHttpBrowser(service.issuer);
      await forgot.submit(await forgot.open('/forgot-password'), { login: LOGIN.G2 });
      const { audit, ...full } = await count();
      assert.ok(Object.values(full).every((rows) => rows > 0) && (audit ?? 0) > 0, JSON.stringify(full));
      time.advance(365 * DAY);
      // The first run of the jobs revokes expired rows and queues mails about them, the second one deletes them.
      for (let run = 0; run < 2; run += 1) {
        await store.write((tx) => tx.db.update(tx.tables.outbox).set({ deadAt: Date.now() - 8 * DAY }));
        await Promise.all(service.container.startJobs().map((job) => job.stop()));
        time.advance(8 * DAY);
      }
      const { audit: kept, ...left } = await count();
      assert.deepEqual(left, Object.fromEntries(Object.keys(full).map((name) => [name, 0])));
      assert.ok((kept ?? 0) >= (audit ?? 0));
    } finally {
      await service.stop();
      time.release();
    }
  });
});

describe('pitfall 12: failures of side effects', () => {
  it('sign-in succeeds when the log cannot be written', async () => {
    const log = createLogger('debug', {
      write: () => {
        throw new Error('the disk of the log is full');
      },
    });
    const service = await startService({ ...clients(), log });
    try {
      const { tokens } = await signInWithNewBrowser(await partyOf(service), { login: LOGIN.T2 });
      assert.ok(tokens.access_token);
    } finally {
      await service.stop();
    }
  });
});
