import { UnavailableError } from '../services/errors.ts';

/** Each takes what stands behind its name on the command line, and loads only what it needs. */
const commands = new Map<string, (argument: string) => Promise<void>>([
  ['start', async () => (await import('./start.ts')).startCommand()],
  ['audit verify', async (head) => (await import('./audit.ts')).auditVerifyCommand(head)],
  ['audit export', async () => (await import('./audit.ts')).auditExportCommand()],
  ['keys rotate', async () => (await import('./keys.ts')).keysRotateCommand()],
  ['backup', async (file) => (await import('./backup.ts')).backupCommand(file)],
  ['restore', async (file) => (await import('./backup.ts')).restoreCommand(file)],
  ['person disable', async (login) => (await import('./person.ts')).personCommand('disabled')(login)],
  ['person enable', async (login) => (await import('./person.ts')).personCommand('active')(login)],
]);
/** Those that need one. */
const WITH_ARGUMENT = new Set(['backup', 'restore', 'person disable', 'person enable']);
/** Those that take one, but need none. */
const MAYBE_ARGUMENT = new Set(['audit verify']);

const USAGE = `kinpass <command>

  start           run the service; it is configured by environment variables
  audit verify [HEAD]
                  check that the audit log is whole, and that it holds a head that was printed earlier
  audit export    print the audit log as JSON lines
  keys rotate     take the next signing and cookie keys into use
  backup FILE     copy the database while the service runs; without the master key
  restore FILE    put a backup where no database is yet
  person disable LOGIN
                  close an account; its sessions and tokens end at once
  person enable LOGIN
                  open it again
`;

/** Runs one command. An error becomes text and an exit code, never a stack trace. */
export async function run(args: readonly string[]): Promise<void> {
  const name = [args.slice(0, 2).join(' '), args[0] ?? ''].find((words) => commands.has(words)) ?? '';
  const [argument = '', ...rest] = args.slice(name.split(' ').length);
  const command = commands.get(name);
  const fits = MAYBE_ARGUMENT.has(name) || WITH_ARGUMENT.has(name) === (argument !== '');
  if (command === undefined || rest.length > 0 || !fits) {
    process.stderr.write(USAGE);
    process.exitCode = 2;
    return;
  }
  try {
    await command(argument);
  } catch (error) {
    process.stderr.write(`${wordsOf(error)}\n`);
    process.exitCode = 1;
  }
}

function wordsOf(error: unknown): string {
  if (error instanceof UnavailableError) return error.error_description;
  return error instanceof Error ? error.message : String(error);
}
