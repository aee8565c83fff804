import { existsSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import type { DemoOptions } from '../../demo/settings.ts';
import type { CliCommand } from './command.ts';

const MAX_PEOPLE = 5_000_000;

export function addDemoCommand(program: CliCommand): void {
  program
    .command('demo')
    .description('run the service with a demo city, two example apps and a mail inbox until Ctrl-C')
    .option('--fresh', 'delete the data of an earlier demo first')
    .option('--people <number>', `size of the city, up to ${MAX_PEOPLE} (default: 60)`, parsePeople)
    .example(
      'kinpass demo --fresh --people 5000',
      'KINPASS_DEMO_PORT=4000 kinpass demo      use ports 4000 to 4003, 4025 and 4389 instead of 3000 to 3003, 3025 and 3389',
      'KINPASS_DEMO_DIR=/tmp/demo kinpass demo  keep the data in this folder instead of data/demo',
      'DATABASE_URL=postgres://… kinpass demo   use PostgreSQL instead of SQLite',
    )
    .action(async (options: DemoOptions) => {
      // The container image holds the service only.
      if (!existsSync(new URL('../../demo/run.ts', import.meta.url))) {
        throw new Error('demo: this installation does not include the demo; run it in a checkout of the repository');
      }
      const { runDemo } = await import('../../demo/run.ts');
      await runDemo(options);
    });
}

function parsePeople(text: string): number {
  const people = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (people >= 1 && people <= MAX_PEOPLE) return people;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${MAX_PEOPLE}.`);
}
