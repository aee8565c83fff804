import { loadDatabaseSettings } from '../config/command-settings.ts';
import type { CliCommand } from './command.ts';
import { print } from './output.ts';

export function addMigrateCommand(program: CliCommand): void {
  program
    .command('migrate')
    .description('apply pending migrations; creates a missing database, and may run while nodes start')
    .example('kinpass migrate')
    .action(applyMigrations);
}

async function applyMigrations(): Promise<void> {
  const { migrateDatabase } = await import('../container/commands.ts');
  const applied = await migrateDatabase(loadDatabaseSettings(process.env));
  print(applied.length === 0 ? 'migrate: no migration is pending' : `migrate: applied ${applied.join(', ')}`);
}
