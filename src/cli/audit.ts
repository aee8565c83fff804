import { loadConfig, type Config } from '../config/load.ts';
import type { ChainHead } from '../domain/audit-chain.ts';
import { systemClock } from '../domain/clock.ts';
import { systemRandom } from '../domain/random.ts';
import { createAppend } from '../services/audit.ts';
import { createAuditArchive } from '../services/audit-archive.ts';
import { readArchives } from '../services/audit-archive-file.ts';
import { verifyAuditLog } from '../services/audit-verify.ts';
import { createSecrets } from '../services/secrets.ts';
import * as auditStore from '../store/audit.ts';
import { openStore, type Store } from '../store/database/index.ts';

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
  await withStore(async (store, config) => {
    const secrets = createSecrets(config.masterKey, systemRandom);
    const folder = options.archives ? archiveFolder(config) : undefined;
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
  await withStore(async (store, config) => {
    const print = (entry: { seq: number }): number => {
      process.stdout.write(`${JSON.stringify(entry)}\n`);
      return entry.seq;
    };
    let last = 0;
    if (options.archives) {
      const secrets = createSecrets(config.masterKey, systemRandom);
      for await (const entry of readArchives(archiveFolder(config), secrets)) last = print(entry);
    }
    for await (const entry of auditStore.entries(store, last)) print(entry);
  });
}

/** `kinpass audit archive`: moves entries that are older than the retention to sealed files. */
export async function auditArchiveCommand(): Promise<void> {
  await withStore(async (store, config) => {
    if (config.auditArchive === undefined) {
      throw new Error('KINPASS_AUDIT_RETENTION_DAYS and KINPASS_AUDIT_ARCHIVE_DIR: both are needed to archive');
    }
    const secrets = createSecrets(config.masterKey, systemRandom);
    const audit = { append: createAppend({ clock: systemClock, secrets }) };
    const archive = createAuditArchive({ store, clock: systemClock, secrets, audit }, config.auditArchive);
    const moved = await archive.moveOld();
    process.stdout.write(`audit archive: ${moved} entries moved to ${config.auditArchive.folder}\n`);
  });
}

function archiveFolder({ auditArchiveDir }: Config): string {
  if (auditArchiveDir === undefined) throw new Error('KINPASS_AUDIT_ARCHIVE_DIR: is needed for --archives');
  return auditArchiveDir;
}

async function withStore(work: (store: Store, config: Config) => Promise<void>): Promise<void> {
  const config = loadConfig(process.env);
  const store = await openStore(config.database);
  try {
    await work(store, config);
  } finally {
    await store.close();
  }
}
