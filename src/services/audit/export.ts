import type { ChainedEntry } from '../../domain/audit-chain.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as auditStore from '../../store/audit.ts';
import type { Store } from '../../store/database/index.ts';
import { readArchives } from './archive-file.ts';

/**
 * Reads the audit log in order, each entry once.
 *
 * @param folder archives to read first
 */
export async function* exportAuditLog(
  { store, secrets }: { store: Store; secrets: Secrets },
  folder: string | undefined,
): AsyncGenerator<ChainedEntry> {
  let last = 0;
  if (folder !== undefined) {
    for await (const entry of readArchives(folder, secrets)) {
      yield entry;
      last = entry.seq;
    }
  }
  yield* auditStore.readEntries(store, last);
}
