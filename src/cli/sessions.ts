import { loadRevokingSettings, type RevokingSettings } from '../config/command-settings.ts';
import type { CliCommand } from './command.ts';
import { print } from './output.ts';

export function addSessionsCommands(program: CliCommand): void {
  const sessions = program.command('sessions').description('revoke sessions').example('kinpass sessions revoke-all');
  sessions
    .command('revoke-all')
    .description('revoke the sessions, tokens and reset links of all people, also while the service runs')
    .example('kinpass sessions revoke-all')
    .action(() => revokeAll(loadRevokingSettings(process.env), 'operator'));
}

/** Revokes all sessions. Running nodes reject them at once and send the logout notices. */
export async function revokeAll(settings: RevokingSettings, reason: 'operator' | 'restore'): Promise<void> {
  const { createClientLookup, withAccountServices } = await import('../container/commands.ts');
  const { createGlobalRevocation } = await import('../services/access/global-revocation.ts');
  const { sessions, grants } = await withAccountServices(settings, async (deps) =>
    createGlobalRevocation({ ...deps, clients: await createClientLookup(settings, deps) }).revokeAll(reason),
  );
  print(`sessions: ${sessions} sessions and ${grants} grants with their tokens revoked; everyone signs in again`);
}
