import type pg from 'pg';
import type { PooledConnection } from './pooled-connection.ts';

/** Maximum number of reads that share a connection. The server answers them one after another. */
const MAX_READS_PER_CONNECTION = 8;

/** Runs a read on a connection that other reads may use at the same time. */
type SharedRead = <T>(read: (client: pg.PoolClient) => Promise<T>) => Promise<T>;

interface SharedConnection {
  readonly connection: Promise<PooledConnection>;
  readCount: number;
}

/**
 * Lets reads that start in the same turn of the event loop share a connection, so that their statements and results share packets. This is
 * safe because reads have no transaction. Later reads take another connection, so they do not wait for a slow read. The last read releases
 * the connection.
 */
export function createSharedReads(connect: () => Promise<PooledConnection>): SharedRead {
  let newest: SharedConnection | undefined;
  const join = (): SharedConnection => {
    if (newest !== undefined && newest.readCount < MAX_READS_PER_CONNECTION) return newest;
    const shared: SharedConnection = { connection: connect(), readCount: 0 };
    newest = shared;
    const close = (): void => {
      setImmediate(() => {
        if (newest === shared) newest = undefined;
      });
    };
    shared.connection.then(close, close);
    return shared;
  };
  /** Returns true if it was the last read of the connection. */
  const leave = (shared: SharedConnection): boolean => {
    shared.readCount -= 1;
    const isLast = shared.readCount === 0;
    if (isLast && newest === shared) newest = undefined;
    return isLast;
  };
  return async (read) => {
    const shared = join();
    shared.readCount += 1;
    let connection: PooledConnection | undefined;
    try {
      connection = await shared.connection;
      return await read(connection.client);
    } catch (error) {
      connection?.markBrokenWhenLost(error);
      throw error;
    } finally {
      if (leave(shared)) connection?.release();
    }
  };
}
