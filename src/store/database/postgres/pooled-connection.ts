import type pg from 'pg';

import { codeOf } from '../errors.ts';
import { CONNECTION_LOST, throwConnectionError } from './connection-errors.ts';

/** A connection that was taken from a pool. A broken one is closed at its release instead of returned to the pool. */
export class PooledConnection {
  readonly client: pg.PoolClient;
  #broken: Error | undefined;

  private constructor(client: pg.PoolClient) {
    this.client = client;
    // A connection that breaks between two statements reports it by this event only; without a listener it would end the process.
    client.on('error', this.markBroken);
  }

  /** @throws {StoreError} with code `CONNECTION_LOST` when the server cannot be reached */
  static async take(pool: pg.Pool): Promise<PooledConnection> {
    return new PooledConnection(await pool.connect().catch(throwConnectionError(CONNECTION_LOST)));
  }

  readonly markBroken = (error: Error): void => {
    this.#broken = error;
  };

  /** Marks the connection as broken when the error of a statement says so. */
  markBrokenWhenLost(error: unknown): void {
    if (error instanceof Error && codeOf(error) === CONNECTION_LOST) this.markBroken(error);
  }

  release(): void {
    this.client.off('error', this.markBroken).release(this.#broken);
  }
}
