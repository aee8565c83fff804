import { loadMigratingSettings, loadRevokingSettings, type MigratingSettings } from '../config/command-settings.ts';
import type { AccountServices } from '../container/commands.ts';
import type { PersonByLogin } from '../services/people/people.ts';
import { parseNonEmpty, type CliCommand } from './command.ts';
import { print } from './output.ts';

export function addPersonCommands(program: CliCommand): void {
  const person = program
    .command('person')
    .description('disable, enable or unlock an account')
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
  const { createPeople } = await import('../services/people/people.ts');
  const settings = loadRevokingSettings(process.env);
  await withPerson(settings, login, async (deps, { personId }) => {
    const revocation = createRevocation({ ...deps, clients: await createClientLookup(settings, deps) });
    await createPeople({ ...deps, revocation }).setStatus(personId, status, undefined);
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
