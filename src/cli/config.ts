import { systemClock } from '../domain/clock.ts';
import type { CliCommand } from './command.ts';
import { print } from './output.ts';

export function addConfigCommands(program: CliCommand): void {
  const config = program
    .command('config')
    .description('check the settings of the service')
    .example('kinpass config check');
  config
    .command('check')
    .description('list all problems that would stop a start: settings, key, clients file and database; changes nothing')
    .example('kinpass config check')
    .action(check);
}

async function check(): Promise<void> {
  const { checkStart } = await import('../container/start-checks.ts');
  const { createLogger } = await import('../platform/logger.ts');
  const { warnings } = await checkStart(process.env, { clock: systemClock, log: createLogger('warn', process.stderr) });
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  print('config: no problems; "kinpass mail test" checks the mail server');
}
