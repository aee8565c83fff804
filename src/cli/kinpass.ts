import { CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { PROGRAM_FOLDER } from '../config/program-folder.ts';
import { DatabaseUnavailableError, messageOf } from '../platform/errors.ts';
import { addAdminCommands } from './admin.ts';
import { addAuditCommands } from './audit.ts';
import { addBackupCommands } from './backup.ts';
import { addClientsCommands } from './clients.ts';
import { CliCommand } from './command.ts';
import { addCompletionCommand } from './completion.ts';
import { addConfigCommands } from './config.ts';
import { addDemoCommand } from './demo.ts';
import { addHelpCommands } from './help.ts';
import { addKeysCommands } from './keys.ts';
import { addMailCommands } from './mail.ts';
import { addMigrateCommand } from './migrate.ts';
import { handleOutputErrors } from './output.ts';
import { addPersonCommands } from './person.ts';
import { addRegisterCommands } from './register.ts';
import { addSessionsCommands } from './sessions.ts';
import { addStartCommand } from './start.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

/** Adds the commands of each group. Actions import their modules when they run, so that help and completion start fast. */
const GROUPS = [
  addStartCommand,
  addDemoCommand,
  addConfigCommands,
  addMigrateCommand,
  addMailCommands,
  addAuditCommands,
  addKeysCommands,
  addBackupCommands,
  addSessionsCommands,
  addPersonCommands,
  addAdminCommands,
  addRegisterCommands,
  addClientsCommands,
  addCompletionCommand,
];

function createProgram(): CliCommand {
  const program = new CliCommand('kinpass')
    .description(`${packageJson.description}.\nSettings are environment variables: see docs/operators.md.`)
    .usage('<command>')
    .exitOverride();
  for (const add of GROUPS) add(program);
  addHelpCommands(program, packageJson.version);
  program.example(
    'npm run kinpass -- audit verify   in a checkout',
    'kinpass audit verify              where bin/kinpass.js is on the PATH as kinpass',
  );
  return program;
}

/** Runs one command. Errors become one line on standard error and exit code 1 for a failure or 2 for wrong usage. */
export async function run(args: readonly string[]): Promise<void> {
  handleOutputErrors();
  enterFolderOfCaller();
  try {
    await createProgram().parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
      return;
    }
    process.exitCode = EXIT_FAILED;
    // The exit is explicit, so that nothing that was left open keeps a failed service or command alive.
    process.stderr.write(`${errorMessage(error)}\n`, () => process.exit());
  }
}

/**
 * Enters the folder in which the operator runs npm, so that paths are relative to it. npm runs scripts in the folder of the package.
 * Programs that a script starts elsewhere inherit the variables of npm and keep their own folder.
 */
function enterFolderOfCaller(): void {
  const { INIT_CWD: folder, npm_lifecycle_event: event } = process.env;
  if (folder !== undefined && event !== undefined && process.cwd() === PROGRAM_FOLDER) process.chdir(folder);
}

function errorMessage(error: unknown): string {
  if (error instanceof DatabaseUnavailableError) return error.error_description;
  return messageOf(error);
}
