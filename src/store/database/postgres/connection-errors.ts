import pg from 'pg';

import { codeOf, StoreError } from '../errors.ts';

/** `connection_failure`: the connection was lost before COMMIT. Nothing was written, so the work can be retried. */
export const CONNECTION_LOST = '08006';
/** `transaction_resolution_unknown`: the connection was lost during COMMIT. A retry could do the work twice. */
export const COMMIT_OUTCOME_UNKNOWN = '08007';
/** PostgreSQL stops, crashed or starts (57P01 to 57P03, manual, appendix A), and system errors of a broken or refused connection. */
export const LOST_CONNECTION_CODES: ReadonlySet<string> = new Set([
  '57P01',
  '57P02',
  '57P03',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
]);
/** node-postgres gives these errors no code. */
const LOST_CONNECTION_MESSAGES = /^(Connection terminated|Client has encountered a connection error)/;
/**
 * A newer node has changed a table, so the plans of this connection are stale; a new connection makes new plans. The code 0A000 has many
 * causes and its message is in the server's language, so the routine identifies the error.
 */
const STALE_PLAN = { code: '0A000', routine: 'RevalidateCachedQuery' };

/** Returns a handler that throws a `StoreError` with this code for a lost connection, and any other error unchanged. */
export function throwConnectionError(code: string): (error: unknown) => never {
  return (error) => {
    const isLost =
      LOST_CONNECTION_CODES.has(codeOf(error) ?? '') ||
      (error instanceof Error && LOST_CONNECTION_MESSAGES.test(error.message)) ||
      (error instanceof pg.DatabaseError && error.code === STALE_PLAN.code && error.routine === STALE_PLAN.routine);
    throw isLost ? new StoreError('the connection to the database was lost', code) : error;
  };
}
