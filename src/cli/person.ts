import { loadMigratingSettings, loadRevokingSettings, type MigratingSettings } from '../config/command-settings.ts';
import type { AccountServices } from '../container/commands.ts';
import type { ErasureObstacle } from '../domain/binding/subject-requests.ts';
import type { PersonByLogin } from '../services/people/people.ts';
import { parseNonEmpty, type CliCommand } from './command.ts';
import { print } from './output.ts';

export function addPersonCommands(program: CliCommand): void {
  const person = program
    .command('person')
    .description('disable, enable, unlock or delete an account')
    .example('kinpass person unlock meiling@example.tw');
  const add = (name: string, description: string, action: (login: string) => Promise<void>): void => {
    person
      .command(name)
      .description(description)
      .argument(
        '<login>',
        'a login of the account: email address, mobile number or custom account name; not a school account',
        parseNonEmpty,
      )
      .example(`kinpass person ${name} meiling@example.tw`)
      .action(action);
  };
  add('disable', 'close an account and revoke its sessions and tokens', disable);
  add('enable', 'open a disabled account again and unlock it', enable);
  add(
    'unlock',
    'end the waits and the lock after wrong passwords and codes, and reopen a closed first password',
    unlock,
  );
  person
    .command('erase')
    .description('repeat the deletion of an account after a restore; it cannot be undone')
    .argument('<id>', 'id of the account, as the audit log has it', parseNonEmpty)
    .requiredOption('--confirm', 'confirms that the account and its data are deleted')
    .example('kinpass person erase 5f0c8d0e-6a53-4c5b-9d0a-0d8a4f0b1c2d --confirm')
    .action(erase);
}

/** Why an account cannot be deleted now, and what helps. */
const OBSTACLES: Readonly<Record<ErasureObstacle, string>> = {
  enrolled: 'the person is enrolled; end the enrollment first',
  staff: 'the person has a duty; end the duty first',
  school_account: 'it is the school account of an enrolled pupil; end the enrollment first',
  open_application: 'an application waits for its result; let the school decide it first',
  suspended_guardianship: 'a school has suspended a guardianship of the person; it must end or be resumed first',
  other_schools: 'a child is at another school',
};

async function erase(personId: string): Promise<void> {
  const settings = loadRevokingSettings(process.env);
  const { createClientLookup, withAccountServices } = await import('../container/commands.ts');
  const { createRevocation } = await import('../services/access/revocation.ts');
  const { createGuardianships } = await import('../services/people/guardianships.ts');
  const { createErasure } = await import('../services/personal-data/erasure.ts');
  const { eraseAsOperator } = await import('../services/personal-data/operator-erasure.ts');
  await withAccountServices(settings, async (deps) => {
    const revocation = createRevocation({ ...deps, clients: await createClientLookup(settings, deps) });
    // The revocation of guardianships sends no mail, so it needs no issuer.
    const guardianships = createGuardianships({ ...deps, revocation, issuer: '' });
    const result = await eraseAsOperator(
      { ...deps, erasure: createErasure({ ...deps, revocation, guardianships }) },
      personId,
    );
    if (result.kind === 'obstacle') {
      throw new Error(`person: account "${personId}" cannot be deleted: ${OBSTACLES[result.obstacle]}`);
    }
    // An account that was deleted with another one is no error, so that a list can be repeated.
    const state = result.kind === 'done' ? 'is deleted with its data' : 'does not exist; nothing to delete';
    print(`person: account "${personId}" ${state}`);
  });
}

async function disable(login: string): Promise<void> {
  await setStatus(login, 'disabled');
  print(
    `person: account "${login}" is disabled and its sessions and tokens are revoked; to undo, run: kinpass person enable ${login}`,
  );
}

async function enable(login: string): Promise<void> {
  await setStatus(login, 'active');
  print(`person: account "${login}" is enabled and unlocked; the person can sign in now`);
}

async function setStatus(login: string, status: PersonByLogin['status']): Promise<void> {
  const { createClientLookup } = await import('../container/commands.ts');
  const { createRevocation } = await import('../services/access/revocation.ts');
  const { createLogger } = await import('../platform/logger.ts');
  const { createPeople } = await import('../services/people/people.ts');
  const settings = loadRevokingSettings(process.env);
  await withPerson(settings, login, async (deps, { personId }) => {
    const revocation = createRevocation({ ...deps, clients: await createClientLookup(settings, deps) });
    await createPeople({ ...deps, log: createLogger('error'), revocation }).setStatus(personId, status, undefined);
  });
}

async function unlock(login: string): Promise<void> {
  const { createUnlock } = await import('../services/people/people.ts');
  await withPerson(loadMigratingSettings(process.env), login, async (deps, { personId, status }) => {
    await createUnlock(deps)(personId);
    const next =
      status === 'active' ? 'the person can sign in now' : `it is still disabled; run: kinpass person enable ${login}`;
    print(`person: account "${login}" is unlocked; ${next}`);
  });
}

/** @throws {Error} when no account has the login */
async function withPerson(
  settings: MigratingSettings,
  login: string,
  work: (deps: AccountServices, person: PersonByLogin) => Promise<void>,
): Promise<void> {
  const { withAccountServices } = await import('../container/commands.ts');
  const { findByLogin } = await import('../services/people/people.ts');
  await withAccountServices(settings, async (deps) => {
    const person = await findByLogin(deps.store, login);
    if (person === undefined) throw new Error(`person: no account with login "${login}"`);
    await work(deps, person);
  });
}
