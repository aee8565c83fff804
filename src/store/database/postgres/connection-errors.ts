import pg from 'pg';

import { codeOf, StoreError } from '../errors.ts';

/** connection_failure: the connection was lost before COMMIT, so nothing has happened and the same work may be done again. */
export const CONNECTION_LOST = '08006';
/** transaction_resolution_unknown: it was lost during COMMIT. To do the work again could do it twice. */
export const COMMIT_OUTCOME_UNKNOWN = '08007';
/** The server goes, is gone or is not there yet; the rest is what the network says. */
const LOST_CODES = new Set(['57P01', '57P02', '57P03', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE']);
/** node-postgres gives these no code. */
const LOST_TEXTS = /^(Connection terminated|Client has encountered a connection error)/;
/**
 * A newer node has changed a table, and the plans that this connection keeps are of no use any more; a new one makes new plans.
 * feature_not_supported says many things, and its text is in the server's language: the routine tells.
 */
const STALE_PLAN = { code: '0A000', routine: 'RevalidateCachedQuery' };

/** Gives errors of the connection one code, and lets others pass. */
export function throwConnectionError(code: string): (error: unknown) => never {
  return (error) => {
    const lost =
      LOST_CODES.has(codeOf(error) ?? '') ||
      (error instanceof Error && LOST_TEXTS.test(error.message)) ||
      (error instanceof pg.DatabaseError && error.code === STALE_PLAN.code && error.routine === STALE_PLAN.routine);
    throw lost ? new StoreError('the connection to the database was lost', code) : error;
  };
}
