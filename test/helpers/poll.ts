import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;
const DEFAULT_TIMEOUT_MS = 30_000;

/**
 * Calls `check` until it returns something other than false and undefined, and returns that.
 *
 * @param what the expected state, for the message of the failure
 * @throws {AssertionError} after the timeout
 */
export async function pollUntil<T>(
  what: string,
  check: () => T | Promise<T>,
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Promise<Exclude<T, false | undefined>> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const result = await check();
    if (isSettled(result)) return result;
    if (performance.now() > end) assert.fail(`timed out waiting for: ${what}`);
    await sleep(POLL_MS);
  }
}

function isSettled<T>(result: T): result is Exclude<T, false | undefined> {
  return result !== false && result !== undefined;
}
