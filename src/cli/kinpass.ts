import { UnavailableError } from '../services/errors.ts';

type Flags = ReadonlySet<string>;

/** Each takes the argument and the flags behind its name, and loads only what it needs. */
const commands = new Map<string, (argument: string, flags: Flags) => Promise<void>>([
  ['start', async () => (await import('./start.ts')).startCommand()],
  ['audit verify', async (head, flags) => (await import('./audit.ts')).auditVerifyCommand(head, archivesOf(flags))],
  ['audit export', async (_, flags) => (await import('./audit.ts')).auditExportCommand(archivesOf(flags))],
  ['audit archive', async () => (await import('./audit.ts')).auditArchiveCommand()],
  ['keys rotate', async () => (await import('./keys.ts')).keysRotateCommand()],
  ['backup', async (file) => (await import('./backup.ts')).backupCommand(file)],
  [
    'restore',
    async (file, flags) =>
      (await import('./backup.ts')).restoreCommand(file, { revokeSessions: flags.has('--revoke-sessions') }),
  ],
  ['sessions revoke-all', async () => (await import('./sessions.ts')).sessionsRevokeAllCommand()],
  ['person disable', async (login) => (await import('./person.ts')).personCommand('disabled')(login)],
  ['person enable', async (login) => (await import('./person.ts')).personCommand('active')(login)],
  ['person unlock', async (login) => (await import('./person.ts')).personUnlockCommand(login)],
]);
/** Those that need one. */
const WITH_ARGUMENT = new Set(['backup', 'restore', 'person disable', 'person enable', 'person unlock']);
/** Those that take one, but need none. */
const MAYBE_ARGUMENT = new Set(['audit verify']);
const FLAGS = new Map<string, Flags>([
  ['restore', new Set(['--revoke-sessions'])],
  ['audit verify', new Set(['--archives'])],
  ['audit export', new Set(['--archives'])],
]);

const USAGE = `kinpass <command>

  start           run the service; it is configured by environment variables
  audit verify [HEAD] [--archives]
                  check that the audit log is whole, and that it holds a head that was printed earlier
  audit export [--archives]
                  print the audit log as JSON lines
  audit archive   move entries that are older than the retention to sealed files
  keys rotate     take the next signing and cookie keys into use
  backup FILE     copy the database while the service runs; without the master key
  restore FILE [--revoke-sessions]
                  put a backup where no database is yet, and end all sessions and tokens that it holds
  sessions revoke-all
                  end the sessions, tokens and reset links of everybody at once
  person disable LOGIN
                  close an account; its sessions and tokens end at once
  person enable LOGIN
                  open it again, without waits and lock
  person unlock LOGIN
                  end the waits and the lock after wrong passwords, and open a closed first password again
`;

function archivesOf(flags: Flags): { archives: boolean } {
  return { archives: flags.has('--archives') };
}

/** Runs one command. An error becomes text and an exit code, never a stack trace. */
export async function run(args: readonly string[]): Promise<void> {
  const name = [args.slice(0, 2).join(' '), args[0] ?? ''].find((words) => commands.has(words)) ?? '';
  const words = args.slice(name.split(' ').length);
  const flags = new Set(words.filter((word) => word.startsWith('--')));
  const [argument = '', ...rest] = words.filter((word) => !flags.has(word));
  const command = commands.get(name);
  const fits = MAYBE_ARGUMENT.has(name) || WITH_ARGUMENT.has(name) === (argument !== '');
  const known = [...flags].every((flag) => FLAGS.get(name)?.has(flag));
  if (command === undefined || rest.length > 0 || !fits || !known) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  try {
    await command(argument, flags);
  } catch (error) {
    process.stderr.write(`${wordsOf(error)}\n`);
    process.exitCode = 1;
  }
}

function wordsOf(error: unknown): string {
  if (error instanceof UnavailableError) return error.error_description;
  return error instanceof Error ? error.message : String(error);
}
