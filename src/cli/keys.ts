import { loadKeySettings } from '../config/command-settings.ts';
import { MINUTE_MS } from '../domain/duration.ts';
import type { CliCommand } from './command.ts';
import { print } from './output.ts';

export function addKeysCommands(program: CliCommand): void {
  const keys = program.command('keys').description('manage the signing and cookie keys').example('kinpass keys rotate');
  keys
    .command('rotate')
    .description('take the next signing and cookie keys into use; running nodes follow within half a minute')
    .example('kinpass keys rotate')
    .action(rotate);
}

async function rotate(): Promise<void> {
  const { withDatabase } = await import('../container/commands.ts');
  const { createKeyRing, MIN_PUBLICATION_MS } = await import('../services/keys/key-ring.ts');
  if (!(await withDatabase(loadKeySettings(process.env), (deps) => createKeyRing(deps).rotate('operator')))) {
    const minutes = MIN_PUBLICATION_MS / MINUTE_MS;
    throw new Error(
      `keys: the next keys are younger than ${minutes} minutes, so relying parties may not have read them; try again later`,
    );
  }
  print('keys: rotated; running nodes use the new keys within half a minute');
}
