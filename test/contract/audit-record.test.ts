/** Work and its audit entry share a transaction; the work commits alone if the entry cannot be written. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, it } from 'node:test';

import { systemClock } from '../../src/domain/clock.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets, type Secrets } from '../../src/platform/crypto/secrets.ts';
import { DatabaseUnavailableError } from '../../src/platform/errors.ts';
import { createMetrics, type Metrics } from '../../src/platform/metrics.ts';
import { createAudit, type Audit } from '../../src/services/audit/audit.ts';
import * as auditStore from '../../src/store/audit.ts';
import { readThrottleForUpdate, upsertThrottle } from '../../src/store/auth/throttles.ts';
import { StoreError, type Store, type Transaction } from '../../src/store/database/index.ts';
import { createCapturedLog, type CapturedLog } from '../helpers/log.ts';
import { eachStore } from '../helpers/store.ts';

const STATE = { failures: 1, blockedUntil: 0, updatedAt: 1 };

eachStore('audit.record with work', (on) => {
  let audit: Audit;
  let metrics: Metrics;
  let kept: CapturedLog;
  let units = 0;
  /** Runs after the commit; may throw its error. */
  let afterCommit: () => void = () => undefined;
  /** Runs between the work and its entry. */
  let sealing: () => void = () => undefined;
  before(() => {
    kept = createCapturedLog();
    metrics = createMetrics({ queueLength: () => 0 }, kept.log);
    const store: Store = {
      ...on.store,
      write: async (fn) => {
        units += 1;
        const value = await on.store.write(fn);
        afterCommit();
        return value;
      },
    };
    const real = createSecrets(randomBytes(32), systemRandom);
    const secrets: Secrets = {
      ...real,
      mac: (...of) => {
        sealing();
        return real.mac(...of);
      },
    };
    audit = createAudit({ store, clock: systemClock, log: kept.log, metrics, secrets });
  });

  const record = (event: string, work: (tx: Transaction) => Promise<unknown>): Promise<void> =>
    audit.record({ event, outcome: 'ok' }, work);
  const write =
    (key: string) =>
    (tx: Transaction): Promise<void> =>
      upsertThrottle(tx, key, STATE);
  const isWritten = async (key: string): Promise<boolean> =>
    (await on.store.write((tx) => readThrottleForUpdate(tx, key))).state !== undefined;
  const events = async (): Promise<string[]> =>
    (await on.store.read((tx) => auditStore.listEntries(tx, 0, 100))).map(({ event }) => event);
  const lost = async (): Promise<number> => {
    const { values } = await metrics.bestEffortFailures.get();
    return values.reduce((sum, { value }) => sum + value, 0);
  };

  it('writes work and entry in one transaction', async () => {
    units = 0;
    await record('one.done', write('one'));
    assert.deepEqual([units, await isWritten('one'), await events()], [1, true, ['one.done']]);
  });

  it('rolls back work and entry when the work throws', async () => {
    units = 0;
    const work = record('two.done', async (tx) => {
      await write('two')(tx);
      throw new Error('half-way');
    });
    await assert.rejects(work, { message: 'half-way' });
    assert.deepEqual([units, await isWritten('two'), await events(), await lost()], [1, false, ['one.done'], 0]);
  });

  it('does not repeat the work when the result of the commit is unknown', async () => {
    afterCommit = () => {
      throw new StoreError('lost during COMMIT', '08007');
    };
    units = 0;
    await assert.rejects(record('one.more', write('more')), { code: '08007' });
    afterCommit = () => undefined;
    assert.deepEqual([units, await lost()], [1, 0]);
  });

  it('fails with the work when the database is unavailable', async () => {
    units = 0;
    sealing = () => {
      throw new DatabaseUnavailableError(undefined);
    };
    await assert.rejects(record('nothing.done', write('nothing')), DatabaseUnavailableError);
    sealing = () => undefined;
    assert.deepEqual([units, await isWritten('nothing'), await lost()], [1, false, 0]);
  });

  it('keeps the work and counts the failure when the entry cannot be written', async () => {
    await on.store.runExclusively((run) => run('alter table audit rename to audit_away'));
    await record('three.done', write('three'));
    await audit.record({ event: 'four.done', outcome: 'ok' });
    await on.store.runExclusively((run) => run('alter table audit_away rename to audit'));
    assert.deepEqual([await isWritten('three'), await events(), await lost()], [true, ['one.done', 'one.more'], 2]);
    assert.match(kept.text(), /failed to write audit entry/);
  });
});
