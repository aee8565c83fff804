import { AsyncLocalStorage } from 'node:async_hooks';

/** The ids of an HTTP request in the log and in the audit log. */
interface RequestIds {
  requestId: string;
  /** The `requestId` of the request that began the sign-in. Later requests of the same sign-in have it too, also those of its app. */
  signInId?: string;
}

const current = new AsyncLocalStorage<RequestIds>();

/** Runs `work` as part of an HTTP request. */
export function runWithRequestId<T>(requestId: string, work: () => T): T {
  return current.run({ requestId }, work);
}

/** Returns the ids of the HTTP request that runs this code; none in jobs and commands. */
export function currentRequestIds(): Partial<RequestIds> {
  const { requestId, signInId } = current.getStore() ?? {};
  if (requestId === undefined) return {};
  return signInId === undefined || signInId === requestId ? { requestId } : { requestId, signInId };
}

/** Returns the id of the sign-in that the request belongs to. The request begins a new one if it has loaded none. */
export function currentSignInId(): string | undefined {
  const ids = current.getStore();
  return ids?.signInId ?? ids?.requestId;
}

/** Adds the request to a sign-in. The first one counts. */
export function joinSignIn(signInId: string): void {
  const ids = current.getStore();
  if (ids !== undefined) ids.signInId ??= signInId;
}
