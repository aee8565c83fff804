import { loadRevokingSettings, type RevokingSettings } from '../config/command-settings.ts';
import { createRevocation } from '../services/revoke-all.ts';
import { clientsOf, withAccountServices } from './account-services.ts';

/** `kinpass sessions revoke-all`: running nodes refuse what it ended at once, and send the logout notices. */
export async function sessionsRevokeAllCommand(): Promise<void> {
  await revokeAll(loadRevokingSettings(process.env), 'operator');
}

export async function revokeAll(settings: RevokingSettings, reason: 'operator' | 'restore'): Promise<void> {
  await withAccountServices(settings, async (deps) => {
    const { sessions, grants } = await createRevocation({ ...deps, clients: clientsOf(settings) }).revokeAll(reason);
    process.stdout.write(`sessions: ${sessions} sessions and ${grants} grants with their tokens revoked\n`);
  });
}
