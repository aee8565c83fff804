import { DrizzleQueryError } from 'drizzle-orm/errors';

/** Somebody else already has this; `field` is what the caller may show at the form (`identifier`, `nationalId`). */
export class ConflictError extends Error {
  override readonly name = 'ConflictError';
  readonly field: string;
  constructor(field: string) {
    super(`already taken: ${field}`);
    this.field = field;
  }
}

/** The database refused. Carries the statement and the engine's code, never a value: it may be logged. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: string | undefined;
  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/** The engine's code: `40001`, `SQLITE_BUSY`, `ECONNREFUSED`. */
export function codeOf(error: unknown): string | undefined {
  const cause = error instanceof DrizzleQueryError ? error.cause : error;
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return undefined;
  return typeof cause.code === 'string' ? cause.code : undefined;
}

/**
 * Makes a `StoreError` of drizzle's error, whose message has a place for the values of the statement, and of PostgreSQL's
 * class 22, which quotes them. Other errors pass unchanged.
 */
export function withoutValues(error: unknown): unknown {
  if (!(error instanceof DrizzleQueryError)) return error;
  const code = codeOf(error);
  const quotesValues = code?.startsWith('22') === true;
  const reason = quotesValues || !error.cause ? (code ?? 'unknown') : error.cause.message;
  return new StoreError(`${reason}; statement: ${error.query.slice(0, 500)}`, code);
}
