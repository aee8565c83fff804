import { messageOf } from '../../platform/errors.ts';
import type { AuditArchiveSettings } from '../../config/audit-archive.ts';
import { verifyEntry, type ChainedEntry, type ChainHead } from '../../domain/audit-chain.ts';
import { systemClock, type Clock } from '../../domain/clock.ts';
import { DAY_MS } from '../../domain/duration.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as auditStore from '../../store/audit.ts';
import type { Store } from '../../store/database/index.ts';
import * as keyStore from '../../store/oidc/keys.ts';
import { assertKeysCanBeOpened } from '../keys/key-ring.ts';
import { prepareFolder, writeArchive } from './archive-file.ts';
import type { Audit } from './audit.ts';
import { createArchiveSeal } from './audit.ts';
import { getAuthenticHead } from './verification.ts';

interface ArchiveLimits {
  /** Entries in memory at a time, and in one sealed page. */
  page: number;
  /** Entries of one file: some seconds of work, and some megabytes. */
  file: number;
}

const DEFAULT_LIMITS: ArchiveLimits = { page: 1_000, file: 50_000 };

/** Moves old entries of the audit log to sealed files. */
export interface AuditArchive {
  /**
   * Moves the entries that are older than the retention. Syncs each file to disk before it deletes the entries, so an interrupted run loses
   * nothing and the next run continues. If several nodes run at once, one succeeds and the others stop.
   *
   * @param isStopping checked between two files
   * @returns the number of moved entries
   * @throws {Error} if an entry does not fit into the chain; the log stays unchanged
   */
  moveOld(isStopping?: () => boolean): Promise<number>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
  audit: Pick<Audit, 'append'>;
}

export function createAuditArchive(
  deps: Deps,
  { folder, retentionDays }: AuditArchiveSettings,
  limits = DEFAULT_LIMITS,
): AuditArchive {
  const { store, clock, secrets, audit } = deps;
  const seal = createArchiveSeal(secrets);
  /** Moves the entries of one file. @returns their number; 0 at the end, or if another node moved them */
  const moveNext = async (cutoff: number): Promise<number> => {
    const anchor = await store.read((tx) => auditStore.getAnchor(tx, seal));
    const reader = createChainReader(store, anchor, cutoff, limits);
    if (!(await reader.hasMore())) return 0;
    try {
      const { file, sha256 } = await writeArchive(folder, secrets, anchor.seq + 1, reader.pages());
      const { head } = reader;
      const isMoved = await store.write(async (tx) => {
        if (!(await auditStore.updateAnchor(tx, anchor, { ...head, mac: seal(head) }))) return false;
        const detail = { file: file.name, sha256, first: file.first, last: file.last };
        await audit.append(tx, { event: 'audit.archived', outcome: 'ok', detail });
        return true;
      });
      return isMoved ? head.seq - anchor.seq : 0;
    } catch (error) {
      // Another node moved and deleted the same entries, so this node read a gap.
      const now = await store.read((tx) => auditStore.getAnchor(tx, seal));
      if (now.seq !== anchor.seq) return 0;
      throw error;
    }
  };
  return {
    moveOld: async (isStopping = () => false) => {
      await assertLogUnchanged(deps);
      const cutoff = clock.now() - retentionDays * DAY_MS;
      // The system sets the times of files, so the injected clock does not tell their age.
      await prepareFolder(folder, systemClock.now());
      await deleteArchived(store, seal, limits.page);
      let total = 0;
      for (let moved = limits.file; moved > 0 && !isStopping(); total += moved) {
        moved = await moveNext(cutoff);
        await deleteArchived(store, seal, limits.page);
      }
      return total;
    },
  };
}

/** @throws {Error} if the head of the log was changed, or the database has another master key */
async function assertLogUnchanged({ store, secrets }: Deps): Promise<void> {
  assertKeysCanBeOpened(secrets, await store.read((tx) => keyStore.listKeys(tx)));
  await getAuthenticHead({ store, secrets }).catch((cause: unknown) => {
    throw new Error(`${messageOf(cause)}; nothing was archived`, { cause });
  });
}

/** Deletes archived entries, including those left by an interrupted run. */
async function deleteArchived(store: Store, seal: auditStore.HeadSeal, batch: number): Promise<void> {
  const { seq } = await store.read((tx) => auditStore.getAnchor(tx, seal));
  let deleted: number;
  do deleted = await store.write((tx) => auditStore.deleteEntriesUpTo(tx, seq, batch));
  while (deleted > 0);
}

interface ChainReader {
  /** The last entry read. */
  head: ChainHead;
  hasMore(): Promise<boolean>;
  /** Yields the entries before the cutoff, at most `limits.file` of them. */
  pages(): AsyncGenerator<ChainedEntry[]>;
}

/** Creates a reader that starts after the last archived entry and verifies the chain. */
function createChainReader(store: Store, anchor: ChainHead, cutoff: number, limits: ArchiveLimits): ChainReader {
  const nextPage = async (): Promise<ChainedEntry[]> => {
    const rows = await store.read((tx) => auditStore.listEntries(tx, reader.head.seq, limits.page));
    const firstRecent = rows.findIndex(({ at }) => at >= cutoff);
    return firstRecent < 0 ? rows : rows.slice(0, firstRecent);
  };
  const reader: ChainReader = {
    head: { seq: anchor.seq, hash: anchor.hash },
    hasMore: async () => (await nextPage()).length > 0,
    pages: async function* () {
      while (reader.head.seq - anchor.seq < limits.file) {
        const page = await nextPage();
        for (const entry of page) {
          const step = verifyEntry(reader.head, entry);
          if (!step.ok) {
            throw new Error(
              `audit archive: entry ${step.seq} does not fit (${step.problem}); run kinpass audit verify`,
            );
          }
          reader.head = step.head;
        }
        if (page.length > 0) yield page;
        if (page.length < limits.page) return;
      }
    },
  };
  return reader;
}
