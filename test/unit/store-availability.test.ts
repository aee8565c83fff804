/** Errors of an unavailable database and the readiness of a node. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it, mock } from 'node:test';

import { DatabaseUnavailableError } from '../../src/platform/errors.ts';
import { monitorAvailability, type MonitoredStore } from '../../src/store/database/availability.ts';
import { whileReporting } from '../../src/store/database/lock-wait.ts';
import { StoreError, type Store, type Transaction } from '../../src/store/database/index.ts';
import { createCapturedLog, type CapturedLog } from '../helpers/log.ts';

describe('monitored store', () => {
  /** Error that the engine throws; `undefined` when it works. */
  let failure: Error | undefined;
  let pingFailure: Error | undefined;
  let hanging: Promise<void> | undefined;
  let writes: number;
  let kept: CapturedLog;
  let watched: MonitoredStore;

  const unit = {} as Transaction;
  const run = async <T>(fn: (tx: Transaction) => Promise<T>): Promise<T> => {
    await hanging;
    if (failure !== undefined) throw failure;
    return fn(unit);
  };
  const store: Store = {
    dialect: 'sqlite',
    poolUse: () => [],
    read: run,
    write: (fn) => {
      writes += 1;
      return run(fn);
    },
    runExclusively: () => Promise.reject(new Error('not here')),
    ping: () => (pingFailure ? Promise.reject(pingFailure) : Promise.resolve()),
    close: () => Promise.resolve(),
  };
  const read = (): Promise<string> => watched.store.read(() => Promise.resolve('read'));
  const write = (): Promise<string> => watched.store.write(() => Promise.resolve('written'));
  const messages = (): string[] =>
    kept
      .text()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => /"msg":"([^"]*)"/.exec(line)?.[1] ?? line);

  beforeEach(() => {
    [failure, pingFailure, hanging, writes] = [undefined, undefined, undefined, 0];
    kept = createCapturedLog();
    watched = monitorAvailability(store, kept.log, () => Promise.resolve());
  });

  it('passes results and errors of the callback through', async () => {
    assert.deepEqual([await read(), await write()], ['read', 'written']);
    const bug = new Error('a bug');
    await assert.rejects(
      watched.store.write(() => Promise.reject(bug)),
      bug,
    );
    await assert.rejects(
      watched.store.read(() => Promise.reject(bug)),
      bug,
    );
    assert.equal(await watched.isAvailable(), true);
    assert.deepEqual(messages(), []);
  });

  const away = [
    ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN'],
    ...['08000', '08006', '57P01', '57P02', '57P03', '53300', 'SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT'],
  ];
  for (const code of away) {
    it(`throws DatabaseUnavailableError for ${code}`, async () => {
      failure = new StoreError('away', code);
      await assert.rejects(read(), (error) => error instanceof DatabaseUnavailableError && error.cause === failure);
      await assert.rejects(write(), (error) => error instanceof DatabaseUnavailableError && error.cause === failure);
      assert.equal(await watched.isAvailable(), false);
    });
  }

  it('throws DatabaseUnavailableError when connecting times out', async () => {
    failure = new Error('timeout exceeded when trying to connect');
    await assert.rejects(read(), DatabaseUnavailableError);
  });

  it('passes errors of statements through', async () => {
    for (const code of [
      '23505',
      '40001',
      '57014',
      '57P04',
      '1080',
      '533001',
      'SQLITE_FULL',
      'SQLITE_CONSTRAINT',
      'x08000',
    ]) {
      failure = new StoreError('refused', code);
      await assert.rejects(read(), failure, code);
      await assert.rejects(write(), failure, code);
      failure = undefined;
      assert.equal(await watched.isAvailable(), true, code);
    }
    failure = new Error('the timeout exceeded when trying to connect');
    await assert.rejects(read(), failure);
  });

  it('throws DatabaseUnavailableError and stays ready after a connection lost during COMMIT', async () => {
    assert.equal(await watched.isAvailable(), true);
    failure = new StoreError('lost', '08007');
    await assert.rejects(write(), DatabaseUnavailableError);
    failure = undefined;
    writes = 0;
    assert.equal(await watched.isAvailable(), true);
    assert.equal(writes, 0, 'no trial was needed');
  });

  for (const code of ['25006', '53100', '58030', 'ENOSPC', 'SQLITE_FULL', 'SQLITE_IOERR_WRITE', 'SQLITE_READONLY']) {
    it(`is unavailable while writes fail with ${code}, also without other writes`, async () => {
      failure = new StoreError('refused', code);
      assert.equal(await watched.isAvailable(), false);
      assert.deepEqual(messages(), ['the database takes no writes']);
      await assert.rejects(write(), code === '25006' ? DatabaseUnavailableError : failure);
      failure = undefined;
      assert.equal(await watched.isAvailable(), true);
      assert.deepEqual(messages(), ['the database takes no writes', 'the database takes writes again']);
    });
  }

  it('is available again after a successful write and logs each change once', async () => {
    failure = new StoreError('away', 'ECONNREFUSED');
    for (let time = 0; time < 3; time += 1) await assert.rejects(write());
    assert.deepEqual(messages(), ['the database does not answer']);
    assert.match(kept.text(), /"level":"error".*"code":"ECONNREFUSED"/);
    failure = undefined;
    writes = 0;
    assert.equal(await watched.isAvailable(), true, 'tries a write');
    assert.equal(writes, 1);
    assert.equal(await watched.isAvailable(), true);
    assert.equal(writes, 1, 'knows it now');
    assert.deepEqual(messages(), ['the database does not answer', 'the database takes writes again']);
  });

  it('is unavailable when it does not answer a ping', async () => {
    pingFailure = new Error('no answer');
    assert.equal(await watched.isAvailable(), false);
  });

  it('waits half a second for a trial write and runs one at a time', async () => {
    failure = new StoreError('locked', 'SQLITE_BUSY');
    await assert.rejects(write());
    let release = (): void => undefined;
    hanging = new Promise((resolve) => {
      release = resolve;
    });
    failure = undefined;
    writes = 0;
    const started = performance.now();
    assert.deepEqual(await Promise.all([watched.isAvailable(), watched.isAvailable()]), [false, false]);
    assert.ok(performance.now() - started >= 450, 'half a second');
    assert.equal(writes, 1);
    release();
    assert.equal(await watched.isAvailable(), true);
  });
});

describe('waiting for the migration lock', () => {
  it('is logged every five seconds until the lock is taken', async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    try {
      const kept = createCapturedLog();
      const lock = Promise.withResolvers<string>();
      const waiting = whileReporting(kept.log, lock.promise);
      mock.timers.tick(12_000);
      lock.resolve('taken');
      assert.equal(await waiting, 'taken');
      mock.timers.tick(60_000);
      const seconds = [...kept.text().matchAll(/"seconds":(\d+),"msg":"waiting for the migration lock/g)];
      assert.deepEqual(
        seconds.map(([, value]) => value),
        ['5', '10'],
      );
    } finally {
      mock.timers.reset();
    }
  });
});
