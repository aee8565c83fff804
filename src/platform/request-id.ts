import { AsyncLocalStorage } from 'node:async_hooks';

const requestIds = new AsyncLocalStorage<string>();

/** Runs `work` as part of an HTTP request. */
export function runWithRequestId<T>(requestId: string, work: () => T): T {
  return requestIds.run(requestId, work);
}

/** Returns the id of the HTTP request that runs this code; undefined in jobs and commands. */
export function currentRequestId(): string | undefined {
  return requestIds.getStore();
}
