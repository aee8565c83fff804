import { AsyncLocalStorage } from 'node:async_hooks';
import Provider from 'oidc-provider';
import type { AuditEvent } from '../../services/audit/audit.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import type { NewOidcRecord } from '../../store/oidc/records.ts';
import type { OidcDeps } from '../deps.ts';

/** A write of a request; it runs in the transaction that commits all of them. */
export type Write = (tx: Transaction) => Promise<unknown>;

/**
 * The writes of one request, kept until its response is ready and committed in one transaction. A sign-in waits for one commit instead of
 * seven. A refresh that fails half-way has consumed nothing, so the client may send it again.
 */
class PendingWrites {
  readonly #writes: Write[] = [];
  /** The subset of `#writes` that destroys a record. */
  readonly #destroys: Write[] = [];
  readonly #records = new Map<string, NewOidcRecord | null>();
  #event: AuditEvent | undefined;

  add(write: Write): void {
    this.#writes.push(write);
  }

  /** Adds a write whose record the request itself finds from now on. */
  saveRecord(record: NewOidcRecord, write: Write): void {
    this.#records.set(keyOf(record.model, record.idHash), record);
    this.#writes.push(write);
  }

  /** Like `saveRecord`, but runs before all other writes: it takes the lock that they need, or throws. */
  saveRecordFirst(record: NewOidcRecord, write: Write): void {
    this.#records.set(keyOf(record.model, record.idHash), record);
    this.#writes.unshift(write);
  }

  /** Adds a write whose record the request itself no longer finds. */
  destroyRecord(model: string, idHash: string, write: Write): void {
    this.#records.set(keyOf(model, idHash), null);
    this.#writes.push(write);
    this.#destroys.push(write);
  }

  /** Sets the audit event that is recorded with the commit. */
  setAuditEvent(event: AuditEvent): void {
    this.#event = event;
  }

  /** @returns the record as this request left it; `null` when it destroyed it, `undefined` when it did not write it */
  find(model: string, idHash: string): NewOidcRecord | null | undefined {
    return this.#records.get(keyOf(model, idHash));
  }

  /** Runs all writes in a transaction of the caller. */
  async runIn(tx: Transaction): Promise<void> {
    await inOrder(this.#writes)(tx);
  }

  /** @param checks run first and throw when a concurrent request makes the writes invalid */
  async commit({ store, audit }: CommitDeps, checks: readonly Write[]): Promise<void> {
    const writeAll = inOrder([...checks, ...this.#writes]);
    if (this.#event !== undefined) await audit.record(this.#event, writeAll);
    else if (checks.length + this.#writes.length > 0) await store.write(writeAll);
  }

  /** Commits only the writes that destroy records. */
  async commitDestroys({ store }: Pick<CommitDeps, 'store'>): Promise<void> {
    if (this.#destroys.length > 0) await store.write(inOrder(this.#destroys));
  }
}

type CommitDeps = Pick<OidcDeps, 'store' | 'audit'>;

function keyOf(model: string, idHash: string): string {
  return `${model}:${idHash}`;
}

function inOrder(writes: readonly Write[]): Write {
  return async (tx) => {
    for (const write of writes) await write(tx);
  };
}

/** By request, for the routes of the provider. */
const byRequest = new WeakMap<object, PendingWrites>();
/** For calls of the provider from other routes. */
const collecting = new AsyncLocalStorage<PendingWrites>();

/** Returns the pending writes of the current request; `undefined` when it writes at once. */
export function pendingWrites(): PendingWrites | undefined {
  const request = Provider.ctx?.req;
  return collecting.getStore() ?? (request && byRequest.get(request));
}

/** Adds the write to those of the request, or runs it at once when the request collects none. */
export async function writeOrDefer(store: Store, write: Write): Promise<void> {
  const pending = pendingWrites();
  if (pending === undefined) await store.write(write);
  else pending.add(write);
}

/** Handles a request without writing. @returns its writes, which the caller commits */
export async function collectForRequest(request: object, handle: () => Promise<unknown>): Promise<PendingWrites> {
  const pending = new PendingWrites();
  byRequest.set(request, pending);
  await handle().finally(() => byRequest.delete(request));
  return pending;
}

/** Runs `work` without writing. @returns its result, and a function that runs its writes in a transaction of the caller */
export async function collectWrites<T>(work: () => Promise<T>): Promise<{ returned: T; write: Write }> {
  const pending = new PendingWrites();
  const returned = await collecting.run(pending, work);
  return { returned, write: (tx) => pending.runIn(tx) };
}
