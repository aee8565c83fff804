import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import { systemRandom } from '../../src/domain/random.ts';
import { startPurgeJob } from '../../src/jobs/purge.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import * as sessions from '../../src/store/auth/sessions.ts';
import type { Transaction } from '../../src/store/database/index.ts';
import { listModels, purgeAnonymousSessions, purgeExpired } from '../../src/store/oidc/record-purge.ts';
import { destroyInteractionsOf } from '../../src/store/oidc/record-revocation.ts';
import * as records from '../../src/store/oidc/records.ts';
import * as outbox from '../../src/store/outbox.ts';
import { explainLastStatement } from '../helpers/query-plan.ts';
import { eachStore } from '../helpers/store.ts';
import { NOW } from './constants.ts';
import { withFamily } from './family.ts';

const LIVE = 2_000;

eachStore('purge of expired records', (on) => {
  const put = (tx: Transaction, idHash: string, more: object): Promise<boolean> =>
    records.upsertRecord(tx, {
      model: 'Session',
      idHash,
      payload: 'sealed',
      expiresAt: NOW,
      createdAt: NOW - 1,
      ...more,
    });
  const ids = async (): Promise<string[]> =>
    (await on.store.read((tx) => tx.db.select({ id: tx.tables.oidcRecords.idHash }).from(tx.tables.oidcRecords)))
      .map(({ id }) => id)
      .filter((id) => !id.startsWith('live'))
      .sort();
  before(async () => {
    await on.store.write(async (tx) => {
      for (let i = 0; i < LIVE; i += 1) await put(tx, `live${String(i)}`, { expiresAt: NOW + 1_000 + i });
      await put(tx, 'person', { accountId: 'father' });
      await put(tx, 'anonymous', {});
      await put(tx, 'old', { expiresAt: NOW - 100 });
      await put(tx, 'step', { model: 'Interaction', accountId: 'father' });
      await destroyInteractionsOf(tx, 'father');
    });
    await on.store.write((tx) => tx.execute('analyze', []));
  });

  it('uses the index of model and expiry, and one index entry for each model', async () => {
    const plan = await explainLastStatement(on.store, (tx) => purgeExpired(tx, 'AccessToken', NOW, 10));
    assert.match(plan, /oidc_records_expires_idx/);
    assert.match(
      await explainLastStatement(on.store, (tx) => purgeAnonymousSessions(tx, NOW - 5, NOW - 2, 10)),
      /oidc_records_expires_idx/,
    );
    assert.deepEqual(await on.store.read((tx) => listModels(tx)), ['Interaction', 'Session']);
    const models = await explainLastStatement(on.store, (tx) => listModels(tx));
    assert.match(models, /SEARCH oidc_records USING COVERING INDEX|Index Only Scan/);
  });

  it('deletes anonymous sessions within the range, and no others', async () => {
    assert.equal(await on.store.write((tx) => purgeAnonymousSessions(tx, NOW - 100, NOW, 10)), 1);
    assert.deepEqual(await ids(), ['old', 'person', 'step']);
  });

  it('keeps no payload of a destroyed record until it expires', async () => {
    const rows = await on.store.read((tx) => tx.db.select().from(tx.tables.oidcRecords));
    assert.equal(rows.find(({ idHash }) => idHash === 'step')?.payload, '');
    assert.equal(await on.store.write((tx) => purgeExpired(tx, 'Interaction', NOW, 10)), 1);
  });

  it('deletes one model at a time, up to the limit', async () => {
    assert.equal(await on.store.write((tx) => purgeExpired(tx, 'Session', NOW, 1)), 1);
    assert.equal(await on.store.write((tx) => purgeExpired(tx, 'Session', NOW, 10)), 1);
    assert.deepEqual(await ids(), []);
  });
});

eachStore('purge job', (on) => {
  const MINUTE = 60_000;
  withFamily(on);
  const runJob = (now: number): Promise<void> => {
    const log = createLogger('silent');
    const secrets = createSecrets(Buffer.alloc(32), systemRandom);
    const metrics = createMetrics({ queueLength: () => 0 }, log);
    return startPurgeJob({ store: on.store, clock: { now: () => now }, log, metrics, secrets }).stop();
  };

  it('deletes each record when it is no longer needed', async () => {
    const run = async (now: number): Promise<string[]> => {
      await runJob(now);
      const rows = await on.store.read((tx) =>
        tx.db.select({ id: tx.tables.oidcRecords.idHash }).from(tx.tables.oidcRecords),
      );
      return rows.map(({ id }) => id).sort();
    };
    await on.store.write(async (tx) => {
      for (const [idHash, model, accountId] of [
        ['anonymous', 'Session', null],
        ['code', 'AuthorizationCode', 'father'],
        ['device', 'DeviceCode', null],
        ['proof', 'ReplayDetection', null],
        ['pushed', 'PushedAuthorizationRequest', null],
        ['session', 'Session', 'father'],
        ['step', 'Interaction', null],
        ['token', 'AccessToken', 'father'],
        ['unknown', 'ModelOfALaterVersion', null],
      ] as const) {
        const times = { expiresAt: NOW, createdAt: NOW - 1 };
        await records.upsertRecord(tx, { model, idHash, accountId, payload: 'sealed', ...times });
      }
    });
    assert.equal((await run(NOW - 1)).length, 9);
    assert.deepEqual(await run(NOW), ['device', 'session']);
    assert.deepEqual(await run(NOW + 10 * MINUTE - 1), ['device', 'session']);
    assert.deepEqual(await run(NOW + 10 * MINUTE), ['session']);
    assert.deepEqual(await run(NOW + 24 * 60 * MINUTE - 1), ['session']);
    assert.deepEqual(await run(NOW + 24 * 60 * MINUTE), []);
  });

  it('deletes sessions an hour after their end, by the index of their end', async () => {
    const run = async (now: number): Promise<string[]> => {
      await runJob(now);
      const rows = await on.store.read((tx) => tx.db.select().from(tx.tables.sessions));
      return rows.map(({ sessionHash }) => sessionHash).sort();
    };
    await on.store.write(async (tx) => {
      const session = { personId: 'father', userAgent: '', address: '', remember: false, createdAt: NOW - 1 };
      for (const sessionHash of ['ended', 'expired', 'open']) {
        const expiresAt = sessionHash === 'expired' ? NOW - 1 : NOW + 24 * 60 * MINUTE;
        await sessions.upsertSession(tx, { ...session, sessionHash, expiresAt }, NOW);
      }
      await sessions.markRevoked(tx, ['ended'], NOW);
    });
    assert.deepEqual(await run(NOW + 60 * MINUTE), ['ended', 'expired', 'open']);
    assert.deepEqual(await run(NOW + 60 * MINUTE + 1), ['expired', 'open']);
    assert.match(
      await explainLastStatement(on.store, (tx) => sessions.purgeSessions(tx, NOW, 10)),
      /sessions_ended_idx/,
    );
  });

  it('deletes delivered messages after a day and dead ones after a week', async () => {
    const run = async (now: number): Promise<string[]> => {
      await runJob(now);
      const rows = await on.store.read((tx) => tx.db.select().from(tx.tables.outbox));
      return rows.map(({ id }) => id).sort();
    };
    await on.store.write(async (tx) => {
      for (const id of ['dead', 'delivered', 'pending']) {
        await outbox.insertJob(tx, { id, kind: 'mail', payload: 'sealed', nextAt: NOW, createdAt: NOW });
      }
      await outbox.markDelivered(tx, 'delivered', NOW + 1);
      await outbox.markDeadLettered(tx, 'dead', NOW + 1, 'refused');
    });
    const day = 24 * 60 * MINUTE;
    assert.deepEqual(await run(NOW + day), ['dead', 'delivered', 'pending']);
    assert.deepEqual(await run(NOW + day + 1), ['dead', 'pending']);
    assert.deepEqual(await run(NOW + 7 * day), ['dead', 'pending']);
    assert.deepEqual(await run(NOW + 7 * day + 1), ['pending']);
  });
});
