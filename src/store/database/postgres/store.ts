import { setTimeout as sleep } from 'node:timers/promises';

import { drizzle } from 'drizzle-orm/pg-proxy';
import pg from 'pg';

import { postgresTables } from '../../schema/postgres.ts';
import { codeOf, StoreError, withoutValues } from '../errors.ts';
import {
  createNestedWriteGuard,
  runInScope,
  createTransactionScope,
  type Engine,
  type Execute,
  type PoolUse,
  type Queries,
  type Store,
  type StoreLog,
  type Transaction,
} from '../transaction.ts';
import { CoalescingSocket } from './coalescing-socket.ts';
import { CONNECTION_LOST, throwConnectionError, COMMIT_OUTCOME_UNKNOWN } from './connection-errors.ts';
import { PooledConnection } from './pooled-connection.ts';
import { whileReporting } from '../lock-wait.ts';
import { createSharedReads } from './shared-reads.ts';

/** Serialization failure and deadlock (PostgreSQL manual, appendix A): the same work may succeed when it is run again. */
const RETRIED_CODES = new Set(['40001', '40P01']);
const MAX_ATTEMPTS = 6;
/**
 * BEGIN is not a prepared statement. A server that does not know the name would reject it and run the following statements outside of a
 * transaction. Without a name it fails only with its connection. The extended protocol lets it share a packet with prepared statements.
 */
const BEGIN: pg.QueryConfig & { queryMode: 'extended' } = { text: 'begin', queryMode: 'extended' };
/** Maximum wait of a request for a server that restarts, and the time between two attempts. */
const RECONNECT_TIMEOUT_MS = 3_000;
const RECONNECT_POLL_MS = 50;
/** Key of the advisory lock: an arbitrary number that all nodes share, valid within one database. */
const MIGRATION_LOCK = 7_305_116_432;

interface PostgresOptions {
  url: string;
  /** Connections of each of the two pools. */
  poolSize: number;
  log: StoreLog | undefined;
}

/** Opens PostgreSQL with a read-only pool and a pool for transactions, so that reads and writes do not delay each other. */
export function openPostgres({ url, poolSize, log }: PostgresOptions): Store {
  // node-postgres keeps the socket of a connection that fails while it signs in, for example without a password.
  const sockets = new Set<CoalescingSocket>();
  const stream = (): CoalescingSocket => {
    const socket = new CoalescingSocket();
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    return socket;
  };
  const readers = createPool(url, poolSize, log, { stream, options: '-c default_transaction_read_only=on' });
  const writers = createPool(url, poolSize, log, { stream, options: '' });
  const share = createSharedReads(() => PooledConnection.take(readers));
  const nestedWrites = createNestedWriteGuard();
  return {
    dialect: 'postgres',
    poolUse: () => [describeUse('read', readers), describeUse('write', writers)],
    read: (fn) =>
      retryWhileDisconnected(log, () =>
        share((client) => runInScope(createTransactionScope(createExecute(client), postgresEngine), fn)),
      ),
    write: async (fn) => {
      nestedWrites.assertNotNested();
      return nestedWrites.enter(() => retryWhileDisconnected(log, () => writeWithRetry(writers, fn, log)));
    },
    runExclusively: async (fn) => {
      nestedWrites.assertNotNested();
      return runExclusively(writers, fn, log);
    },
    ping: async () => {
      await Promise.all([readers.query('select 1'), writers.query('select 1')]);
    },
    close: async () => {
      await Promise.all([readers.end(), writers.end()]);
      for (const socket of sockets) socket.destroy();
    },
  };
}

function describeUse(pool: PoolUse['pool'], { totalCount, idleCount, waitingCount, options }: pg.Pool): PoolUse {
  return { pool, busy: totalCount - idleCount, idle: idleCount, waiting: waitingCount, max: options.max };
}

function createPool(
  url: string,
  max: number,
  log: StoreLog | undefined,
  { stream, options }: { stream: () => CoalescingSocket; options: string },
): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    options,
    application_name: 'kinpass',
    keepAlive: true,
    pipeline: true,
    stream,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 15_000,
    idle_in_transaction_session_timeout: 30_000,
  });
  // The pool replaces a connection that breaks while idle. Without a listener this event would end the process.
  pool.on('error', (error) => log?.warn({ code: codeOf(error) }, 'postgres: idle connection lost'));
  return pool;
}

function createExecute(client: pg.PoolClient): Execute {
  return async (text, values, name) => {
    const query = { text, values, rowMode: 'array', ...(name === undefined ? {} : { name }) } as const;
    const { rows } = await client.query(query).catch(throwConnectionError(CONNECTION_LOST));
    return rows;
  };
}

/** Retries the work while the server restarts, so that requests wait instead of failing. */
async function retryWhileDisconnected<T>(log: StoreLog | undefined, work: () => Promise<T>): Promise<T> {
  const end = performance.now() + RECONNECT_TIMEOUT_MS;
  for (let hasWaited = false; ; hasWaited = true) {
    try {
      return await work();
    } catch (error) {
      if (codeOf(error) !== CONNECTION_LOST || performance.now() > end) throw error;
      if (!hasWaited) log?.warn({ code: CONNECTION_LOST }, 'postgres: waiting for the server');
    }
    await sleep(RECONNECT_POLL_MS);
  }
}

const postgresEngine: Engine = {
  dialect: 'postgres',
  tables: postgresTables,
  /** The cast is safe: at run time both builders have the methods of `Queries`, and the contract tests run on both. */
  queries: (execute) =>
    drizzle(async (statement, values) => ({ rows: await execute(statement, values) })) as unknown as Queries,
};

async function writeWithRetry<T>(
  pool: pg.Pool,
  fn: (tx: Transaction) => Promise<T>,
  log: StoreLog | undefined,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await inTransaction(pool, async (client) =>
        runInScope(createTransactionScope(createExecute(client), postgresEngine), fn),
      );
    } catch (error) {
      const code = codeOf(error);
      if (code === undefined || !RETRIED_CODES.has(code) || attempt >= MAX_ATTEMPTS) throw error;
      log?.warn({ code, attempt }, 'postgres: transaction retried');
    }
    await sleep(5 * 2 ** attempt);
  }
}

async function inTransaction<T>(pool: pg.Pool, fn: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const connection = await PooledConnection.take(pool);
  const { client } = connection;
  try {
    // Not awaited yet, so that it is sent together with the first statement.
    const begun = client.query(BEGIN).catch(throwConnectionError(CONNECTION_LOST));
    begun.catch(connection.markBroken);
    const value = await fn(client);
    await begun;
    const { command } = await client.query('commit').catch(throwConnectionError(COMMIT_OUTCOME_UNKNOWN));
    // After a failed statement PostgreSQL answers COMMIT with ROLLBACK and without an error.
    if (command !== 'COMMIT') throw new StoreError('the transaction was rolled back by the engine');
    return value;
  } catch (error) {
    await client.query('rollback').catch(connection.markBroken);
    const clean = withoutValues(error);
    connection.markBrokenWhenLost(clean);
    throw clean;
  } finally {
    connection.release();
  }
}

async function runExclusively<T>(
  pool: pg.Pool,
  fn: (run: (statement: string) => Promise<unknown[][]>) => Promise<T>,
  log: StoreLog | undefined,
): Promise<T> {
  return inTransaction(pool, async (client) => {
    // Building an index on a large table may exceed the timeout of requests.
    await client.query('set local statement_timeout = 0');
    await whileReporting(log, client.query(`select pg_advisory_xact_lock(${String(MIGRATION_LOCK)})`));
    const execute = createExecute(client);
    return fn((statement) => execute(statement, []));
  });
}
