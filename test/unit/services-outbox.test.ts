/** Outbox jobs and the wait for their delivery. */
import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';

import { MAIL_SCHEMAS } from '../../src/presentation/mail-locals.ts';
import type { MailJob, OutboxJob } from '../../src/services/notifications/outbox.ts';
import { markDelivered, scheduleRetry } from '../../src/store/outbox.ts';
import { createTestServices, TEST_NOW, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';

const MAIL: MailJob = {
  kind: 'mail',
  to: 'daming@parents.example',
  template: 'reset-link',
  lang: 'zh-TW',
  locals: { name: '王大明', link: 'https://id.example/reset-password?token=secret', minutes: 30 },
};
const LOGOUT: OutboxJob = { kind: 'backchannel_logout', clientId: 'app', personId: 'p', sid: 's' };

eachStore('outbox', (on) => {
  let services: TestServices;
  before(() => {
    services = createTestServices(on.store);
  });
  beforeEach(() => on.store.write((tx) => tx.db.delete(tx.tables.outbox)));
  const enqueue = (job: OutboxJob): Promise<string> => on.store.write((tx) => services.outbox.enqueue(tx, job));

  it('stores jobs sealed, due at once, and opens them again', async () => {
    const id = await enqueue(MAIL);
    const [row] = await on.store.read((tx) => tx.db.select().from(tx.tables.outbox));
    assert.ok(row);
    assert.deepEqual([row.id, row.kind, row.nextAt, row.createdAt], [id, 'mail', TEST_NOW, TEST_NOW]);
    assert.doesNotMatch(row.payload, /daming|secret/);
    assert.deepEqual(services.outbox.open(row), MAIL);
    await enqueue(LOGOUT);
    assert.deepEqual((await services.takeJobs()).map(({ kind }) => kind).sort(), ['backchannel_logout', 'mail']);
  });

  it('opens a job of each mail', () => {
    for (const template of Object.keys(MAIL_SCHEMAS)) {
      const payload = services.secrets.seal('outbox', template, JSON.stringify({ ...MAIL, template }));
      assert.deepEqual(services.outbox.open({ id: template, payload }), { ...MAIL, template });
    }
  });

  it('rejects a job that was moved to another row or has an unknown kind', async () => {
    const [one, other] = [await enqueue(MAIL), await enqueue(LOGOUT)];
    const rows = await on.store.read((tx) => tx.db.select().from(tx.tables.outbox));
    const payload = rows.find(({ id }) => id === one)?.payload ?? '';
    assert.throws(() => services.outbox.open({ id: other, payload }));
    const unknown = services.secrets.seal('outbox', 'x', JSON.stringify({ ...MAIL, template: 'unknown' }));
    assert.throws(() => services.outbox.open({ id: 'x', payload: unknown }));
  });

  it('notifies its listeners once after each commit that enqueued jobs', async () => {
    services.wakes();
    await on.store.write(async (tx) => {
      await services.outbox.enqueue(tx, MAIL);
      await services.outbox.enqueueAll(tx, [LOGOUT, LOGOUT]);
      assert.equal(services.wakes(), 0, 'before the commit');
    });
    assert.equal(services.wakes(), 1);
    await enqueue(MAIL);
    assert.equal(services.wakes(), 1, 'one job');
    await on.store.write((tx) => services.outbox.enqueueAll(tx, [LOGOUT, LOGOUT]));
    assert.equal(services.wakes(), 1, 'two jobs at once');
    await on.store.write((tx) => services.outbox.enqueueAll(tx, []));
    assert.equal(services.wakes(), 0, 'no job');
  });

  it('waits until each job is delivered or has failed once', async () => {
    const [delivered, failed] = [await enqueue(LOGOUT), await enqueue(LOGOUT)];
    const waited = services.outbox.waitForDelivery([delivered, failed]);
    await on.store.write(async (tx) => {
      await markDelivered(tx, delivered, TEST_NOW);
      await scheduleRetry(tx, failed, TEST_NOW, 'refused');
    });
    const started = performance.now();
    assert.deepEqual(await waited, new Set([delivered]));
    assert.ok(performance.now() - started < 1_000, 'both are known at once');
    assert.deepEqual(await services.outbox.waitForDelivery([]), new Set());
  });

  it('waits 1.5 seconds for a pending job, and no longer', async () => {
    const [hanging, delivered] = [await enqueue(LOGOUT), await enqueue(LOGOUT)];
    await on.store.write((tx) => markDelivered(tx, delivered, TEST_NOW));
    const started = performance.now();
    assert.deepEqual(await services.outbox.waitForDelivery([hanging, delivered]), new Set([delivered]));
    const waited = performance.now() - started;
    assert.ok(waited >= 1_400 && waited < 6_000, `${waited.toFixed()} ms`);
  });
});
