import assert from 'node:assert/strict';

import { openStore, type Store, type Transaction } from '../../src/store/database/index.ts';
import { migrate } from '../../src/store/migrate.ts';
import { createCapturedLog } from './log.ts';
import { pollUntil } from './poll.ts';
import { testDatabaseUrl } from './postgres.ts';

const ROUNDS = 25;

/** A PostgreSQL database for transactions that run in parallel. */
export interface ParallelStore {
  store: Store;
  /**
   * Runs rounds of parallel operations; each must succeed, none after a deadlock. The store repeats a transaction after a deadlock, so a
   * deadlock shows in the log only.
   */
  runRounds(work: (round: number) => Promise<(() => Promise<unknown>)[]>): Promise<void>;
  /** Runs `meanwhile` while another transaction has run `lock`; that transaction then runs `last` and commits. */
  whileLocked<T>(
    lock: (tx: Transaction) => Promise<unknown>,
    meanwhile: () => Promise<T>,
    last?: (tx: Transaction) => Promise<unknown>,
  ): Promise<T>;
  /** Starts the work. Resolves when it waits for a lock, or has ended. */
  startBlocked<T>(work: () => Promise<T>): Promise<{ result: Promise<T> }>;
}

export async function openParallelStore(): Promise<ParallelStore> {
  const kept = createCapturedLog();
  const store = await openStore({ url: await testDatabaseUrl(), log: kept.log });
  await migrate(store);
  return {
    store,
    runRounds: async (work) => {
      const from = kept.text().length;
      for (let round = 0; round < ROUNDS; round += 1) {
        const operations = await work(round);
        await Promise.all(operations.map((operation) => operation()));
      }
      const deadlocks = kept
        .text()
        .slice(from)
        .split('\n')
        .filter((line) => line.includes('40P01'));
      assert.deepEqual(deadlocks, []);
    },
    whileLocked: async (lock, meanwhile, last = () => Promise.resolve()) => {
      const [locked, release] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
      const holder = store.write(async (tx) => {
        await lock(tx);
        locked.resolve(undefined);
        await release.promise;
        await last(tx);
      });
      await locked.promise;
      const result = await meanwhile().finally(() => {
        release.resolve(undefined);
      });
      await holder;
      return result;
    },
    startBlocked: async (work) => {
      let isDone = false;
      const result = work().finally(() => (isDone = true));
      await pollUntil('a transaction that waits', async () => isDone || (await isWaiting(store)));
      return { result };
    },
  };
}

async function isWaiting(store: Store): Promise<boolean> {
  const [row] = await store.read((tx) =>
    tx.execute(
      `select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
      [],
    ),
  );
  return Number(row?.[0]) > 0;
}
