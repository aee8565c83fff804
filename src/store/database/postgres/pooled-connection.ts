import type pg from 'pg';

import { codeOf } from '../errors.ts';
import { CONNECTION_LOST, throwConnectionError } from './connection-errors.ts';

/** A connection from a pool. `release` returns it to the pool, or closes it when it is broken. */
export class PooledConnection {
  readonly client: pg.PoolClient;
  #broken: Error | undefined;

  private constructor(client: pg.PoolClient) {
    this.client = client;
    // A connection that breaks between two statements only emits this event, which would end the process without a listener.
    client.on('error', this.markBroken);
  }

  /** @throws {StoreError} with code `CONNECTION_LOST` when the server cannot be reached */
  static async take(pool: pg.Pool): Promise<PooledConnection> {
    return new PooledConnection(await pool.connect().catch(throwConnectionError(CONNECTION_LOST)));
  }

  readonly markBroken = (error: Error): void => {
    this.#broken = error;
  };

  /** Marks the connection as broken if a statement failed because the connection was lost. */
  markBrokenWhenLost(error: unknown): void {
    if (error instanceof Error && codeOf(error) === CONNECTION_LOST) this.markBroken(error);
  }

  release(): void {
    this.client.off('error', this.markBroken).release(this.#broken);
  }
}
