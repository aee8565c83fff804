import { loadMigratingSettings, loadRevokingSettings, type MigratingSettings } from '../config/command-settings.ts';
import { parseLogin } from '../domain/identifiers.ts';
import { createEndings } from '../services/endings.ts';
import { createPeople, createUnlock } from '../services/people.ts';
import * as people from '../store/people.ts';
import { clientsOf, withAccountServices, type AccountServices } from './account-services.ts';

/**
 * `kinpass person disable LOGIN` and `enable`: closes or opens an account. Closing ends all sessions and tokens at once; the
 * running nodes notify the relying parties.
 */
export function personCommand(status: people.PersonStatus): (login: string) => Promise<void> {
  return async (login) => {
    const settings = loadRevokingSettings(process.env);
    await withPerson(settings, login, async (deps, personId) => {
      const endings = createEndings({ ...deps, clients: clientsOf(settings) });
      await createPeople({ ...deps, endings }).setStatus(personId, status, undefined);
      process.stdout.write(`person: ${status}\n`);
    });
  };
}

/** `kinpass person unlock LOGIN`: ends the waits and the lock of an account, and opens a closed first password again. */
export async function personUnlockCommand(login: string): Promise<void> {
  await withPerson(loadMigratingSettings(process.env), login, async (deps, personId) => {
    await createUnlock(deps)(personId);
    process.stdout.write('person: unlocked\n');
  });
}

/** @throws {Error} when no account has the login */
async function withPerson(
  settings: MigratingSettings,
  typed: string,
  work: (deps: AccountServices, personId: string) => Promise<void>,
): Promise<void> {
  const login = parseLogin(typed);
  await withAccountServices(settings, async (deps) => {
    const personId = login && (await deps.store.read((tx) => people.personIdByIdentifier(tx, login.kind, login.value)));
    if (personId === undefined) throw new Error(`person: no account with login "${typed}"`);
    await work(deps, personId);
  });
}
