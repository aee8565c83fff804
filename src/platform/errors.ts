/** Returns the message of an error, for a line to an operator. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The queue of the password hasher is full. The HTTP layer returns 503 with Retry-After and keeps the form input. */
export class HashQueueFullError extends Error {
  override name = 'HashQueueFullError';
}

/**
 * The database did not respond within the timeout. The HTTP layer returns 503 with Retry-After. oidc-provider reads `message`,
 * `error_description`, `statusCode` and `expose` of an error, so they follow its conventions (RFC 6749, section 4.1.2.1).
 */
export class DatabaseUnavailableError extends Error {
  override name = 'DatabaseUnavailableError';
  readonly error_description = 'the database does not answer; try again shortly';
  readonly statusCode = 503;
  readonly expose = true;
  /** No redirect to the app with this error: the app could only redirect back. */
  readonly allow_redirect = false;
  constructor(cause: unknown) {
    super('temporarily_unavailable', { cause });
  }
}

/**
 * A network, client or signed-in person sent too many requests that store data. Follows the conventions of oidc-provider, like
 * `DatabaseUnavailableError`.
 */
export class RateLimitedError extends Error {
  override name = 'RateLimitedError';
  readonly error_description = 'too many requests; try again later';
  readonly status = 429;
  readonly statusCode = 429;
  readonly expose = true;
  /** No redirect to the app with this error: the app could only redirect back. */
  readonly allow_redirect = false;
  readonly retryAfterSeconds: number;
  /** True for a signed-in person; the page then does not mention the network. */
  readonly isOfPerson: boolean;
  /** @param waitMs milliseconds until a request is admitted again */
  constructor(waitMs: number, isOfPerson = false) {
    super('temporarily_unavailable');
    this.isOfPerson = isOfPerson;
    this.retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  }
}

/**
 * A concurrent request revoked the session or credential of this request. The transaction is rolled back, and the HTTP layer returns 410.
 */
export class ConcurrentChangeError extends Error {
  override name = 'ConcurrentChangeError';
  readonly status = 410;
  readonly expose = true;
  constructor() {
    super('ended while the request was in progress');
  }
}

/** The service does not verify a stored password hash of this format or cost. The error contains no part of the hash. */
export class UnsupportedHashError extends Error {
  override name = 'UnsupportedHashError';
}

/** The audit log was changed, or entries of it are missing. */
export class AuditChainError extends Error {
  override name = 'AuditChainError';
}
