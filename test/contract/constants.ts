/** Current time of the contract tests, in milliseconds since 1970. */
export const NOW = 1_700_000_000_000;

/** Number of parallel attempts per process and round. */
export const TRIES = 10;
