import { AsyncLocalStorage } from 'node:async_hooks';

import { StoreError } from '../errors.ts';
import {
  runInScope,
  createTransactionScope,
  type NestedWriteGuard,
  type StoreLog,
  type Transaction,
} from '../transaction.ts';
import { sqliteEngine, type SqliteConnection } from './connection.ts';

/** Maximum number of writes in a batch. */
const MAX_WRITES = 200;
/** Milliseconds after which a batch takes no further write, so that its first write does not wait long for the others. */
const MAX_BATCH_MS = 50;
/**
 * Minimum milliseconds from the start of one commit to the start of the next. An earlier write waits and shares a commit with others, as
 * with PostgreSQL's `commit_delay`. The four commits of a sign-in were a third of its cost (docs/decisions/0012-cost-of-a-request.md).
 */
const COMMIT_DELAY_MS = 5;
/** Milliseconds after which a transaction is rolled back, because all other writes wait for it. */
const TRANSACTION_TIMEOUT_MS = 30_000;

interface QueuedWrite {
  /** Runs the write inside its savepoint. @throws when its part was rolled back */
  run(): Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

interface Deps {
  writer: SqliteConnection;
  begin: () => Promise<void>;
  nestedWrites: NestedWriteGuard;
  log: StoreLog | undefined;
}

/**
 * Queues writes and commits several at once, because each commit waits for the disk.
 *
 *            write()            delay over, writer free
 *     idle ───────────▶ scheduled ───────────▶ committing ─┐ more writes: next batch
 *      ▲                                         │    ▲    │
 *      └────────────── queue empty ──────────────┘    └────┘
 *
 * A batch is BEGIN IMMEDIATE, then SAVEPOINT, the write and RELEASE for each write, then COMMIT.
 *
 * - A write that throws is rolled back to its savepoint and rejected; the others stay in the batch.
 * - The other writes resolve after COMMIT. When it fails, all of them are rejected.
 * - `runExclusively` takes the writer between two batches. `close` rejects new work and waits until the queue is idle.
 */
export class GroupCommitQueue {
  readonly #deps: Deps;
  readonly #queue: QueuedWrite[] = [];
  #state: 'idle' | 'scheduled' | 'committing' = 'idle';
  #isClosed = false;
  #lastCommitAt = -Infinity;
  /** Resolves when the writer is free. It never rejects, because the next user must not get the error of the previous one. */
  #writerFree: Promise<void> = Promise.resolve();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Runs `fn` in its own savepoint. Resolves after the commit is on disk. */
  async write<T>(fn: (tx: Transaction) => Promise<T>): Promise<T> {
    this.#assertOpen();
    return new Promise((resolve, reject) => {
      this.#queue.push(createWrite(this.#deps, fn, resolve, reject));
      this.#schedule();
    });
  }

  /** Runs `fn` outside of any transaction, while no other work uses the writer. */
  async runExclusively<T>(fn: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    const result = this.#writerFree.then(fn);
    this.#writerFree = result.then(noop, noop);
    return result;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#state !== 'idle') await new Promise((resolve) => setImmediate(resolve));
    await this.#writerFree;
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new StoreError('the store is closed');
  }

  #schedule(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'scheduled';
    const start = (): void => {
      this.#writerFree = this.#writerFree
        .then(() => this.#commitAll())
        .catch((error: unknown) => this.#deps.log?.error({ err: error }, 'sqlite: writer failed'));
    };
    const delayMs = this.#lastCommitAt + COMMIT_DELAY_MS - performance.now();
    if (delayMs > 0) setTimeout(start, delayMs);
    // Starts after the events of this turn, so that writes that arrive together share a commit.
    else setImmediate(start);
  }

  async #commitAll(): Promise<void> {
    this.#state = 'committing';
    this.#lastCommitAt = performance.now();
    try {
      while (this.#queue.length > 0) await this.#commitBatch();
    } finally {
      this.#state = 'idle';
    }
  }

  async #commitBatch(): Promise<void> {
    const { writer, begin, log } = this.#deps;
    const batch: QueuedWrite[] = [];
    try {
      await begin();
      await this.#runBatch(batch);
      writer.run('COMMIT');
    } catch (error) {
      log?.error({ err: error, writes: batch.length }, 'sqlite: commit failed');
      if (writer.isInTransaction()) writer.run('ROLLBACK');
      // When BEGIN failed, nothing would settle the writes in the queue.
      const unsettled = batch.length > 0 ? batch : this.#queue.splice(0);
      for (const write of unsettled) write.reject(error);
      return;
    }
    for (const write of batch) write.resolve();
  }

  /** Moves writes from the queue to the batch and runs them. @throws {StoreError} when the engine ended the whole transaction */
  async #runBatch(batch: QueuedWrite[]): Promise<void> {
    const end = performance.now() + MAX_BATCH_MS;
    while (batch.length < MAX_WRITES && performance.now() < end) {
      const write = this.#queue.shift();
      if (write === undefined) return;
      batch.push(write);
      try {
        await write.run();
      } catch (error) {
        batch.pop();
        write.reject(error);
        // A full disk ends the transaction with the parts of all writes (sqlite.org/lang_transaction.html).
        if (!this.#deps.writer.isInTransaction()) throw new StoreError('the transaction was ended by the engine');
      }
    }
  }
}

function noop(): void {
  // The caller of `runExclusively` gets the error.
}

function createWrite<T>(
  { writer, nestedWrites }: Deps,
  fn: (tx: Transaction) => Promise<T>,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): QueuedWrite {
  // The queue runs in the async context of another caller. The write needs the context of its own caller, for example its request id.
  const asCaller = AsyncLocalStorage.snapshot();
  let result: { value: T } | undefined;
  return {
    run: async () => {
      writer.run('SAVEPOINT write');
      try {
        const scoped = createTransactionScope(writer.execute, sqliteEngine);
        const work = asCaller(() => nestedWrites.enter(() => runInScope(scoped, fn)));
        result = { value: await withTimeout(work, scoped.end) };
        writer.run('RELEASE write');
      } catch (error) {
        if (writer.isInTransaction()) {
          writer.run('ROLLBACK TO write');
          writer.run('RELEASE write');
        }
        throw error;
      }
    },
    resolve: () => {
      if (result) resolve(result.value);
    },
    reject,
  };
}

/** @param end ends the transaction's scope, so that its later statements throw */
async function withTimeout<T>(work: Promise<T>, end: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      end();
      const seconds = String(TRANSACTION_TIMEOUT_MS / 1000);
      reject(new StoreError(`the transaction took longer than ${seconds} s and was rolled back`));
    }, TRANSACTION_TIMEOUT_MS);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
