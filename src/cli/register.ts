import { loadKeySettings } from '../config/command-settings.ts';
import type { RegisterFile } from '../services/binding/register-file.ts';
import { localDate, systemClock } from '../domain/clock.ts';
import { parseNonEmpty, type CliCommand } from './command.ts';
import { print } from './output.ts';

const COLUMNS = `The file is CSV in UTF-8. Its first line names the columns, in any order: student_national_id, guardian_national_id,
guardian_name, relation. docs/operators.md explains them. A file with a wrong row changes nothing.`;

export function addRegisterCommands(program: CliCommand): void {
  program
    .command('register')
    .description('import the register of families, which approves exact matches')
    .example('kinpass register import families.csv --dry-run')
    .command('import')
    .description('replace the register by a file')
    .argument('<file>', 'a CSV file of students and their guardians', parseNonEmpty)
    .option('--dry-run', 'check the file and change nothing')
    .addHelpText('after', `\n${COLUMNS}`)
    .example('kinpass register import families.csv')
    .action(importFile);
}

async function importFile(file: string, { dryRun }: { dryRun?: true }): Promise<void> {
  const { readRegisterFile } = await import('../services/binding/register-file.ts');
  const today = localDate(systemClock.now());
  if (dryRun === true) {
    const found = await readRegisterFile(file, today, () => Promise.resolve());
    print(`register: ${file} has ${describeFile(found)}; nothing was changed`);
    return;
  }
  const { withDatabase } = await import('../container/commands.ts');
  const { importRegister } = await import('../services/binding/register-import.ts');
  const found = await withDatabase(loadKeySettings(process.env), (deps) =>
    importRegister(deps, (add) => readRegisterFile(file, today, add)),
  );
  print(`register: imported ${describeFile(found)}; the former register was replaced`);
}

function describeFile({ entries, students, repeated }: RegisterFile): string {
  return `${String(entries)} entries of ${String(students)} students, ${String(repeated)} repeated rows`;
}
