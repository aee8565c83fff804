/** All hashing places are taken. Faces answer 503 with Retry-After; nothing that was typed is lost. */
export class HashQueueFullError extends Error {
  override name = 'BusyError';
}

/**
 * The database was waited for and did not come. Faces answer 503 with Retry-After. The provider reads message, description, status
 * and `expose` of any error that reaches it, so they are in its words (RFC 6749, section 4.1.2.1).
 */
export class DatabaseUnavailableError extends Error {
  override name = 'UnavailableError';
  readonly error_description = 'the database does not answer; try again shortly';
  readonly statusCode = 503;
  readonly expose = true;
  /** Never back to the app with it: it could only send the person here again. */
  readonly allow_redirect = false;
  constructor(cause: unknown) {
    super('temporarily_unavailable', { cause });
  }
}

/**
 * A network, client or signed-in person sent too many requests that store something. In the words of the provider, like
 * `DatabaseUnavailableError`.
 */
export class RateLimitedError extends Error {
  override name = 'RateLimitedError';
  readonly error_description = 'too many requests; try again later';
  readonly status = 429;
  readonly statusCode = 429;
  readonly expose = true;
  /** The app could only send the person here again. */
  readonly allow_redirect = false;
  readonly retryAfterSeconds: number;
  /** True for a signed-in person; the page does not speak of the network then. */
  readonly isOfPerson: boolean;
  /** @param waitMs until a request is admitted again */
  constructor(waitMs: number, isOfPerson = false) {
    super('temporarily_unavailable');
    this.isOfPerson = isOfPerson;
    this.retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  }
}

/**
 * The session or the credential that a request rests on ended after the request began. The transaction is rolled back, and the web
 * face answers 410.
 */
export class ConcurrentChangeError extends Error {
  override name = 'OvertakenError';
  readonly status = 410;
  readonly expose = true;
  constructor() {
    super('ended while the request was in progress');
  }
}

/** A stored password hash is of a form, or of a cost, that this service does not verify. Holds nothing of the hash. */
export class UnsupportedHashError extends Error {
  override name = 'UnreadableHashError';
}
