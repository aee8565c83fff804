import { DrizzleQueryError } from 'drizzle-orm/errors';

/** A unique value is already in use. The caller may show `field` at the form (`identifier`, `nationalId`). */
export class ConflictError extends Error {
  override readonly name = 'ConflictError';
  readonly field: string;
  constructor(field: string) {
    super(`already taken: ${field}`);
    this.field = field;
  }
}

/** The database rejected a statement. Holds the statement and the engine's code but no values, so it may be logged. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: string | undefined;
  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/** Returns the code of the engine or the system: `40001`, `SQLITE_BUSY`, `ECONNREFUSED`. */
export function codeOf(error: unknown): string | undefined {
  const cause = error instanceof DrizzleQueryError ? error.cause : error;
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return undefined;
  return typeof cause.code === 'string' ? cause.code : undefined;
}

/**
 * Turns an error of drizzle, which quotes the values of the statement, into a `StoreError` without them. For PostgreSQL's class 22, whose
 * messages quote values too, only the code remains. Other errors pass unchanged.
 */
export function withoutValues(error: unknown): unknown {
  if (!(error instanceof DrizzleQueryError)) return error;
  const code = codeOf(error);
  const hasQuotedValues = code?.startsWith('22') === true;
  const reason = hasQuotedValues || !error.cause ? (code ?? 'unknown') : error.cause.message;
  return new StoreError(`${reason}; statement: ${error.query.slice(0, 500)}`, code);
}
