import { InvalidArgumentError } from 'commander';
import { loadArchiveDir, loadArchiveSettings, loadKeySettings } from '../config/command-settings.ts';
import type { ChainHead } from '../domain/audit-chain.ts';
import type { CliCommand } from './command.ts';
import { isOutputClosed, print } from './output.ts';

interface ReadOptions {
  archives?: true;
}

const ARCHIVES = ['--archives', 'also read the archives in KINPASS_AUDIT_ARCHIVE_DIR'] as const;
const KEEP_HEAD = `Keep the head somewhere else. Anyone who can write to the database can put back an older state of the whole log, or an empty
log. Only a head that was kept elsewhere shows it: kinpass audit verify HEAD`;

export function addAuditCommands(program: CliCommand): void {
  const audit = program.command('audit').description('verify, export or archive the audit log');
  audit.example('kinpass audit verify --archives');
  audit
    .command('verify')
    .description('check that no entry of the audit log was changed, removed or added by hand')
    .argument('[head]', 'a head that was printed earlier, which the log must still contain', parseHead)
    .option(...ARCHIVES)
    .example('kinpass audit verify', 'kinpass audit verify 17:4f0c… --archives')
    .action(verify);
  audit
    .command('export')
    .description('print the audit log as JSON lines')
    .option(...ARCHIVES)
    .example('kinpass audit export --archives > audit.jsonl')
    .action(exportEntries);
  audit
    .command('archive')
    .description('move entries older than KINPASS_AUDIT_RETENTION_DAYS to sealed files')
    .example('kinpass audit archive')
    .action(archive);
}

function parseHead(text: string): ChainHead {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (seq === undefined || hash === undefined) {
    throw new InvalidArgumentError(
      'A head is a number, a colon and 64 hexadecimal digits, as "audit verify" prints it.',
    );
  }
  return { seq: Number(seq), hash };
}

async function verify(expectedHead: ChainHead | undefined, options: ReadOptions): Promise<void> {
  const { withDatabase } = await import('../container/commands.ts');
  const { verifyAuditLog } = await import('../services/audit/verification.ts');
  const folder = archiveFolder(options);
  const { head, archived, archivesFrom } = await withDatabase(loadKeySettings(process.env), (deps) =>
    verifyAuditLog(deps, { expectedHead, folder }),
  );
  print(`audit log: ${head.seq} entries, the chain is intact`);
  if (archived > 0) {
    const read = archivesFrom === undefined ? 'not read; use --archives' : `read from entry ${archivesFrom} on`;
    print(`archives: entries up to ${archived}, ${read}`);
  }
  print(`head: ${head.seq}:${head.hash}\n${KEEP_HEAD}`);
}

async function exportEntries(options: ReadOptions): Promise<void> {
  const { withDatabase } = await import('../container/commands.ts');
  const { exportAuditLog } = await import('../services/audit/export.ts');
  const folder = archiveFolder(options);
  await withDatabase(loadKeySettings(process.env), async (deps) => {
    for await (const entry of exportAuditLog(deps, folder)) {
      print(JSON.stringify(entry));
      if (isOutputClosed()) return;
    }
  });
}

async function archive(): Promise<void> {
  const { withDatabase } = await import('../container/commands.ts');
  const { createAuditArchive } = await import('../services/audit/archive.ts');
  const settings = loadArchiveSettings(process.env);
  const moved = await withDatabase(loadKeySettings(process.env), (deps) =>
    createAuditArchive(deps, settings).moveOld(),
  );
  print(`audit archive: ${moved} entries moved to ${settings.folder}`);
}

function archiveFolder({ archives }: ReadOptions): string | undefined {
  return archives === true ? loadArchiveDir(process.env) : undefined;
}
