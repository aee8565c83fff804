import type pg from 'pg';
import { codeOf } from './errors.ts';
import { LOST } from './postgres-errors.ts';

/** So many reads use a connection at the same time; the server answers them one after another. */
const MOST_USERS = 8;

/** Runs a read on a connection that others may use at the same time. */
export type Share = <T>(read: (client: pg.PoolClient) => Promise<T>) => Promise<T>;

/**
 * Reads that begin in the same round of the event loop share a connection, so that their statements go out and come back together. They
 * have no transaction that others could disturb. Later ones get a connection of their own: nobody waits behind what was
 * slow already, and whoever waits for a place in the pool gets one. The last one out gives the connection back.
 */
export function createSharing(connect: () => Promise<pg.PoolClient>): Share {
  let newest: Shared | undefined;
  const join = (): Shared => {
    if (newest !== undefined && newest.users < MOST_USERS) return newest;
    const shared = createShared(connect());
    newest = shared;
    const close = (): void => {
      setImmediate(() => {
        if (newest === shared) newest = undefined;
      });
    };
    shared.client.then(close, close);
    return shared;
  };
  return async (read) => {
    const shared = join();
    shared.users += 1;
    try {
      return await read(await shared.client);
    } catch (error) {
      // The pool is to throw it away: it is dead, or holds plans that are of no use any more.
      if (codeOf(error) === LOST && error instanceof Error) shared.breaks(error);
      throw error;
    } finally {
      shared.users -= 1;
      if (shared.users === 0) {
        if (newest === shared) newest = undefined;
        shared.giveBack();
      }
    }
  };
}

interface Shared {
  readonly client: Promise<pg.PoolClient>;
  users: number;
  breaks(error: Error): void;
  giveBack(): void;
}

function createShared(client: Promise<pg.PoolClient>): Shared {
  let broken: Error | undefined;
  const breaks = (error: Error): void => {
    broken = error;
  };
  // A connection that dies says so by this event too; without a listener it would end the process.
  client.then((connected) => connected.on('error', breaks), breaks);
  return {
    client,
    users: 0,
    breaks,
    giveBack: () => {
      client.then(
        (connected) => {
          connected.off('error', breaks).release(broken);
        },
        // There is none: who asked for it has heard.
        () => undefined,
      );
    },
  };
}
