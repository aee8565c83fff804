import { verifyEntry, type ChainedEntry, type ChainHead, GENESIS_HEAD } from '../../domain/audit-chain.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { AuditChainError } from '../../platform/errors.ts';
import * as auditStore from '../../store/audit.ts';
import type { Store } from '../../store/database/index.ts';
import * as keyStore from '../../store/oidc/keys.ts';
import { assertKeysCanBeOpened } from '../keys/key-ring.ts';
import { readArchives } from './archive-file.ts';
import { createArchiveSeal, createHeadSeal } from './audit.ts';

export interface Verification {
  head: ChainHead;
  /** Number of the last archived entry; 0 if there is none. */
  archived: number;
  /** Number of the first entry read from an archive; `undefined` without archives. */
  archivesFrom: number | undefined;
}

interface Options {
  /** A head that was kept outside of the database. */
  expectedHead?: ChainHead | undefined;
  /** Folder of archives to verify too. */
  folder?: string | undefined;
  /** Called after some entries of the table with the number of the last one; verification continues when it resolves. */
  onProgress?: (seq: number) => Promise<void>;
}

/** Entries between two calls of `onProgress`. */
const ENTRIES_PER_STEP = 250;

interface Deps {
  store: Store;
  secrets: Secrets;
}

/**
 * Verifies that every entry of the audit log, and optionally of the archives, follows from the one before it.
 *
 * @throws {AuditChainError} with the first entry that was changed, removed or added by hand
 */
export async function verifyAuditLog(deps: Deps, options: Options): Promise<Verification> {
  const { store, secrets } = deps;
  assertKeysCanBeOpened(secrets, await store.read((tx) => keyStore.listKeys(tx)));
  // Checked first, because another master key fits no seal.
  await getAuthenticHead(deps);
  const seal = createArchiveSeal(secrets);
  for (;;) {
    const anchor = await store.read((tx) => auditStore.getAnchor(tx, seal));
    try {
      return await verifyFrom(deps, anchor, options);
    } catch (error) {
      // A concurrent archive job moved entries, so the verification starts over.
      const now = await store.read((tx) => auditStore.getAnchor(tx, seal));
      if (now.seq === anchor.seq) throw error;
    }
  }
}

async function verifyFrom(deps: Deps, anchor: ChainHead, options: Options): Promise<Verification> {
  const { store } = deps;
  const { expectedHead, folder, onProgress } = options;
  const before = await getAuthenticHead(deps);
  const metKept = createHeadMatcher(expectedHead ?? GENESIS_HEAD);
  const archivesFrom = folder === undefined ? undefined : await verifyArchives(deps, folder, anchor, metKept);
  const met = createHeadMatcher(before);
  let head: ChainHead = anchor;
  met.pass(head);
  metKept.pass(head);
  for await (const entry of auditStore.readEntries(store, anchor.seq)) {
    head = verifyNext(head, entry, 'entry');
    met.pass(head);
    metKept.pass(head);
    if (head.seq % ENTRIES_PER_STEP === 0) await onProgress?.(head.seq);
  }
  // A running service may append concurrently, so the end lies between the two heads.
  const after = await getAuthenticHead(deps);
  if (!met.done() || head.seq > after.seq) {
    throw new AuditChainError(`audit log: it ends at entry ${head.seq}, but ${after.seq} were written`);
  }
  if (expectedHead && !metKept.done()) throw describeHeadMismatch(expectedHead, anchor, archivesFrom);
  return { head: { seq: head.seq, hash: head.hash }, archived: anchor.seq, archivesFrom };
}

/**
 * Returns the head of the log.
 *
 * @throws {AuditChainError} if it was changed by hand, or was written with another master key
 */
export async function getAuthenticHead({ store, secrets }: Deps): Promise<ChainHead> {
  const head = await store.read((tx) => auditStore.getHead(tx));
  if (auditStore.isAuthentic(head, createHeadSeal(secrets))) return head;
  const keys = await store.read((tx) => keyStore.listKeys(tx));
  // The stored keys identify the master key. A database that no service has used has none.
  if (keys.length > 0)
    throw new AuditChainError('audit log: the head was changed by hand; entries at the end may be missing');
  throw new AuditChainError(
    'audit log: the head does not fit KINPASS_MASTER_KEY_FILE; use the key that the entries were written with, or the head was changed by hand',
  );
}

function describeHeadMismatch(kept: ChainHead, anchor: ChainHead, archivesFrom: number | undefined): AuditChainError {
  if (kept.seq < (archivesFrom ?? anchor.seq)) {
    return new AuditChainError(`audit log: entry ${kept.seq} is in an archive that was not read; use --archives`);
  }
  return new AuditChainError(`audit log: entry ${kept.seq} is not the one whose head was kept`);
}

/** Verifies the chain in the archives up to the anchor. @returns the number of the first archived entry */
async function verifyArchives(
  { secrets }: Deps,
  folder: string,
  anchor: ChainHead,
  metKept: HeadSearch,
): Promise<number | undefined> {
  const met = createHeadMatcher(anchor);
  let head: ChainHead | undefined;
  let from: number | undefined;
  for await (const entry of readArchives(folder, secrets)) {
    if (head === undefined) {
      // Older archives may be stored outside of this folder.
      head = { seq: entry.seq - 1, hash: entry.prevHash };
      from = entry.seq;
    }
    head = verifyNext(head, entry, 'archived entry');
    met.pass(head);
    metKept.pass(head);
  }
  if (!met.done()) {
    const end = head === undefined ? 'there is no archive' : `the archives end at entry ${head.seq}`;
    throw new AuditChainError(`audit log: ${end}, but ${anchor.seq} entries were archived`);
  }
  return from;
}

function verifyNext(head: ChainHead, entry: ChainedEntry, name: string): ChainHead {
  const next = verifyEntry(head, entry);
  if (!next.ok) throw new AuditChainError(`audit log: ${name} ${next.seq} does not fit (${next.problem})`);
  return next.head;
}

interface HeadSearch {
  pass(head: ChainHead): void;
  done(): boolean;
}

/** Creates a matcher that reports whether the verification passed this head. */
function createHeadMatcher(wanted: ChainHead): HeadSearch {
  let isFound = wanted.seq === GENESIS_HEAD.seq;
  return {
    pass: ({ seq, hash }) => {
      isFound ||= seq === wanted.seq && hash === wanted.hash;
    },
    done: () => isFound,
  };
}
