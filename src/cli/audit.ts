import { loadArchiveDir, loadArchiveSettings, loadKeySettings } from '../config/command-settings.ts';
import type { ChainHead } from '../domain/audit-chain.ts';
import { systemClock } from '../domain/clock.ts';
import { systemRandom } from '../domain/random.ts';
import { createAppend } from '../services/audit.ts';
import { createAuditArchive } from '../services/audit-archive.ts';
import { readArchives } from '../services/audit-archive-file.ts';
import { verifyAuditLog } from '../services/audit-verify.ts';
import { createSecrets, type Secrets } from '../services/secrets.ts';
import * as auditStore from '../store/audit.ts';
import type { Store } from '../store/database/index.ts';
import { openExistingStore } from '../store/existing.ts';

const LIMITS = `Keep the head somewhere else. Who can write to the database can put back an older state of the whole log, also the empty one,
and only a head that was kept elsewhere shows it: kinpass audit verify HEAD
`;

interface ReadOptions {
  /** Also reads the archives in KINPASS_AUDIT_ARCHIVE_DIR. */
  archives: boolean;
}

/**
 * `kinpass audit verify`: reads the whole log and says whether a row was changed, removed or added by hand.
 *
 * @param keptText a head that was printed earlier, or the empty string
 */
export async function auditVerifyCommand(keptText: string, options: ReadOptions): Promise<void> {
  const kept = keptText === '' ? undefined : parseHead(keptText);
  const folder = options.archives ? loadArchiveDir(process.env) : undefined;
  await withStore(async (store, secrets) => {
    const { head, archived, archivesFrom } = await verifyAuditLog({ store, secrets }, { kept, folder });
    const read = archivesFrom === undefined ? 'not read; use --archives' : `read from entry ${archivesFrom} on`;
    const archives = archived === 0 ? '' : `archives: entries up to ${archived}, ${read}\n`;
    process.stdout.write(
      `audit log: ${head.seq} entries, the chain is whole\n${archives}head: ${head.seq}:${head.hash}\n${LIMITS}`,
    );
  });
}

function parseHead(text: string): ChainHead {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq === undefined || hash === undefined)
    throw new Error('audit log: a head looks like 17:4f0c…, as it was printed');
  return { seq: Number(seq), hash };
}

/** `kinpass audit export`: prints the log as JSON lines. */
export async function auditExportCommand(options: ReadOptions): Promise<void> {
  const folder = options.archives ? loadArchiveDir(process.env) : undefined;
  await withStore(async (store, secrets) => {
    const print = (entry: { seq: number }): number => {
      process.stdout.write(`${JSON.stringify(entry)}\n`);
      return entry.seq;
    };
    let last = 0;
    if (folder !== undefined) {
      for await (const entry of readArchives(folder, secrets)) last = print(entry);
    }
    for await (const entry of auditStore.entries(store, last)) print(entry);
  });
}

/** `kinpass audit archive`: moves entries that are older than the retention to sealed files. */
export async function auditArchiveCommand(): Promise<void> {
  const settings = loadArchiveSettings(process.env);
  await withStore(async (store, secrets) => {
    const audit = { append: createAppend({ clock: systemClock, secrets }) };
    const archive = createAuditArchive({ store, clock: systemClock, secrets, audit }, settings);
    const moved = await archive.moveOld();
    process.stdout.write(`audit archive: ${moved} entries moved to ${settings.folder}\n`);
  });
}

async function withStore(work: (store: Store, secrets: Secrets) => Promise<void>): Promise<void> {
  const { database, masterKey } = loadKeySettings(process.env);
  const store = await openExistingStore(database, 'check');
  try {
    await work(store, createSecrets(masterKey, systemRandom));
  } finally {
    await store.close();
  }
}
