/** All hashing places are taken. Faces answer 503 with Retry-After; nothing that was typed is lost. */
export class BusyError extends Error {
  override name = 'BusyError';
}

/** A stored password hash is of a form, or of a cost, that this service does not verify. Holds nothing of the hash. */
export class UnreadableHashError extends Error {
  override name = 'UnreadableHashError';
}
