import { AsyncLocalStorage } from 'node:async_hooks';

import { StoreError } from './errors.ts';
import { sqliteEngine, type SqliteConnection } from './sqlite-connection.ts';
import { runScoped, scopeUnit, type Nesting, type StoreLog, type Unit } from './unit.ts';

/** A commit is a wait for the disk, so writes share one: at most so many, and none waits longer than this for the others. */
const MOST_WRITES = 200;
const LONGEST_GATHERING = 50;
/**
 * Milliseconds from the beginning of one round of commits to the next. Who comes sooner waits for so long at the most, and shares the
 * commit with others, as with PostgreSQL's `commit_delay`. Four commits of a sign-in were a third of what it costs (decision 0012).
 */
const SPACING = 5;
/** A unit that waits longer than this for something else is given up, or it would stop everybody's writes. */
const UNIT_LIMIT = 30_000;

interface Job {
  /** Runs the unit inside its savepoint. @throws when its part was rolled back */
  run(): Promise<void>;
  committed(): void;
  lost(error: unknown): void;
}

interface Deps {
  writer: SqliteConnection;
  begin: () => Promise<void>;
  nesting: Nesting;
  log: StoreLog | undefined;
}

export interface GroupCommit {
  write<T>(fn: (u: Unit) => Promise<T>): Promise<T>;
  /** Runs with the writer to itself, outside of any transaction. */
  alone<T>(fn: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * Gathers waiting writes into one `BEGIN IMMEDIATE … COMMIT`. Each has its own savepoint: one that throws loses only its
 * own part. Nobody hears of success before the COMMIT; when that fails, all hear of it.
 */
export function createGroupCommit({ writer, begin, nesting, log }: Deps): GroupCommit {
  const queue: Job[] = [];
  let turn: Promise<void> = Promise.resolve();
  let scheduled = false;
  let closed = false;
  let lastRound = -Infinity;

  const alone = <T>(fn: () => Promise<T>): Promise<T> => {
    if (closed) return Promise.reject(new StoreError('the store is closed'));
    const mine = turn.then(fn);
    turn = mine.then(noop, noop);
    return mine;
  };
  const drain = async (): Promise<void> => {
    try {
      lastRound = performance.now();
      while (queue.length > 0) await commitTogether(queue, writer, begin, log);
    } finally {
      scheduled = false;
    }
  };
  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    const work = (): void => {
      turn = turn.then(drain).catch((error: unknown) => log?.error({ err: error }, 'sqlite: writer failed'));
    };
    const early = lastRound + SPACING - performance.now();
    if (early > 0) setTimeout(work, early);
    // After the events of this round, so that what arrived together is written together.
    else setImmediate(work);
  };
  return {
    write: (fn) =>
      new Promise((resolve, reject) => {
        if (closed) {
          reject(new StoreError('the store is closed'));
          return;
        }
        queue.push(createJob(writer, nesting, fn, resolve, reject));
        schedule();
      }),
    alone,
    close: async () => {
      closed = true;
      while (scheduled) await new Promise((resolve) => setImmediate(resolve));
      await turn;
    },
  };
}

function noop(): void {
  // The caller of `alone` has the error; the next in line must not.
}

async function commitTogether(
  queue: Job[],
  writer: SqliteConnection,
  begin: () => Promise<void>,
  log: StoreLog | undefined,
): Promise<void> {
  const done: Job[] = [];
  const started = performance.now();
  try {
    await begin();
    while (done.length < MOST_WRITES && performance.now() - started < LONGEST_GATHERING) {
      const job = queue.shift();
      if (!job) break;
      done.push(job);
      await job.run().catch((error: unknown) => {
        done.pop();
        job.lost(error);
        // A full disk ends the whole transaction by itself (sqlite.org/lang_transaction.html), with everybody's part.
        if (!writer.inTransaction()) throw new StoreError('the transaction was ended by the engine');
      });
    }
    writer.run('COMMIT');
  } catch (error) {
    log?.error({ err: error, writes: done.length }, 'sqlite: commit failed');
    if (writer.inTransaction()) writer.run('ROLLBACK');
    // When not even BEGIN worked, the ones in the queue would wait for ever.
    const unheard = done.length > 0 ? done : queue.splice(0);
    for (const job of unheard) job.lost(error);
    return;
  }
  for (const job of done) job.committed();
}

function createJob<T>(
  writer: SqliteConnection,
  nesting: Nesting,
  fn: (u: Unit) => Promise<T>,
  resolve: (value: T) => void,
  reject: (error: unknown) => void,
): Job {
  // The queue is worked off in somebody else's context; request ids and the like must be the caller's.
  const asCaller = AsyncLocalStorage.snapshot();
  let result: { value: T } | undefined;
  return {
    run: async () => {
      writer.run('SAVEPOINT unit');
      try {
        const scoped = scopeUnit(writer.execute, sqliteEngine);
        const work = asCaller(() => nesting.enter(() => runScoped(scoped, fn)));
        result = { value: await withinLimit(work, scoped.end) };
        writer.run('RELEASE unit');
      } catch (error) {
        if (writer.inTransaction()) {
          writer.run('ROLLBACK TO unit');
          writer.run('RELEASE unit');
        }
        throw error;
      }
    },
    committed: () => {
      if (result) resolve(result.value);
    },
    lost: reject,
  };
}

async function withinLimit<T>(work: Promise<T>, giveUp: () => void): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      giveUp();
      reject(new StoreError(`a unit of work took longer than ${String(UNIT_LIMIT / 1000)} s and was given up`));
    }, UNIT_LIMIT);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
