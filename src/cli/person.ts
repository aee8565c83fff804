import { loadConfig } from '../config/load.ts';
import { createContainer, type Container } from '../container.ts';
import { systemClock } from '../domain/clock.ts';
import { parseLogin } from '../domain/identifiers.ts';
import { systemRandom } from '../domain/random.ts';
import { createLogger } from '../services/logger.ts';
import * as people from '../store/people.ts';

/**
 * `kinpass person disable LOGIN` and `enable`: closes or opens an account. Closing ends all sessions and tokens at once; the
 * running nodes tell the relying parties.
 */
export function personCommand(status: people.PersonStatus): (login: string) => Promise<void> {
  return (login) =>
    withPerson(login, async (container, personId) => {
      await container.people.setStatus(personId, status, undefined);
      process.stdout.write(`person: ${status}\n`);
    });
}

/** `kinpass person unlock LOGIN`: ends the waits and the lock of an account, and opens a closed first password again. */
export function personUnlockCommand(login: string): Promise<void> {
  return withPerson(login, async (container, personId) => {
    await container.people.unlock(personId);
    process.stdout.write('person: unlocked\n');
  });
}

/** @throws {Error} when no account has the login */
async function withPerson(
  typed: string,
  work: (container: Container, personId: string) => Promise<void>,
): Promise<void> {
  const login = parseLogin(typed);
  const log = createLogger('silent');
  const container = await createContainer(loadConfig(process.env), { clock: systemClock, random: systemRandom, log });
  try {
    const personId =
      login && (await container.store.read((u) => people.personIdByIdentifier(u, login.kind, login.value)));
    if (personId === undefined) throw new Error(`person: no account with login "${typed}"`);
    await work(container, personId);
  } finally {
    await container.close();
  }
}
