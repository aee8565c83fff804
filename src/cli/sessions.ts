import { loadConfig, type Config } from '../config/load.ts';
import { createContainer } from '../container.ts';
import { systemClock } from '../domain/clock.ts';
import { systemRandom } from '../domain/random.ts';
import { createLogger } from '../services/logger.ts';

/** `kinpass sessions revoke-all`: running nodes refuse what it ended at once, and send the logout notices. */
export async function sessionsRevokeAllCommand(): Promise<void> {
  await revokeAll(loadConfig(process.env), 'operator');
}

export async function revokeAll(config: Config, reason: 'operator' | 'restore'): Promise<void> {
  const log = createLogger('silent');
  const container = await createContainer(config, { clock: systemClock, random: systemRandom, log });
  try {
    const { sessions, grants } = await container.revocation.revokeAll(reason);
    process.stdout.write(`sessions: ${sessions} sessions and ${grants} grants with their tokens revoked\n`);
  } finally {
    await container.close();
  }
}
