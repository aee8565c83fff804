import { randomUUID } from 'node:crypto';
import type { RegisterEntry } from '../../domain/binding/register.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as registerStore from '../../store/binding/register.ts';
import type { Store } from '../../store/database/index.ts';
import type { Audit } from '../audit/audit.ts';
import { retryOnConflict } from './application-lock.ts';
import { hashEntry } from './register.ts';

/** Entries that a transaction deletes. */
const DELETED_ENTRIES = 2_000;

interface ImportDeps {
  store: Store;
  clock: Clock;
  secrets: Pick<Secrets, 'mac'>;
  audit: Pick<Audit, 'append'>;
}

/** Stores a batch of entries in one transaction. */
export type AddEntries = (entries: readonly RegisterEntry[]) => Promise<void>;

/**
 * Replaces the register by the entries that `read` adds, in short transactions. The former register counts until `read` has ended, and
 * stays if it fails. A later import stops one that is still running.
 *
 * @returns the result of `read`
 */
export async function importRegister<T>(deps: ImportDeps, read: (add: AddEntries) => Promise<T>): Promise<T> {
  const id = randomUUID();
  let entryCount = 0;
  let started: Promise<void> | undefined;
  // A file that is wrong in its first batch changes nothing.
  const start = (): Promise<void> => (started ??= startImport(deps, id));
  try {
    const result = await read(async (entries) => {
      await start();
      await addEntries(deps, id, entries);
      entryCount += entries.length;
    });
    await start();
    await finishImport(deps, id, entryCount);
    return result;
  } finally {
    await removeObsolete(deps, id);
  }
}

function startImport({ store, clock }: ImportDeps, id: string): Promise<void> {
  return retryOnConflict(() => store.write((tx) => registerStore.startImport(tx, { id, startedAt: clock.now() })));
}

function stoppedError(): Error {
  return new Error('register: another import has started; run this one again if its file is newer');
}

/** Stores keyed hashes only. */
async function addEntries(
  { store, secrets }: ImportDeps,
  importId: string,
  entries: readonly RegisterEntry[],
): Promise<void> {
  const lookup = (nationalId: string): string => secrets.mac('national-id-lookup', nationalId);
  // Hashed before the transaction, which keeps other writers of SQLite waiting.
  const rows = entries.map(({ studentId, guardianId, ...rest }) => ({
    importId,
    ...hashEntry(secrets, { studentLookup: lookup(studentId), guardianLookup: lookup(guardianId) }, rest),
  }));
  await store.write(async (tx) => {
    if (!(await registerStore.lockRunningImport(tx, importId))) throw stoppedError();
    await registerStore.insertEntries(tx, rows);
  });
}

async function finishImport({ store, clock, audit }: ImportDeps, id: string, entryCount: number): Promise<void> {
  await store.write(async (tx) => {
    const before = (await registerStore.findCurrentImport(tx))?.entryCount ?? 0;
    if (!(await registerStore.finishImport(tx, { id, entryCount, finishedAt: clock.now() }))) throw stoppedError();
    const detail = { capacity: 'operator', before, after: entryCount };
    await audit.append(tx, { event: 'register.imported', outcome: 'ok', detail });
  });
}

/** Deletes the entries of the former register, or of this import if it has failed. */
async function removeObsolete({ store }: ImportDeps, id: string): Promise<void> {
  await store.write((tx) => registerStore.stopImport(tx, id));
  while (await store.write((tx) => registerStore.purgeObsoleteEntries(tx, DELETED_ENTRIES)));
}
