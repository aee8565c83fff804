import { InvalidArgumentError } from 'commander';
import { loadInvitingSettings } from '../config/command-settings.ts';
import { parseLogin } from '../domain/credentials/identifiers.ts';
import { codePoints, hasInvisibleCharacters } from '../domain/text.ts';
import type { CliCommand } from './command.ts';
import { print } from './output.ts';

const MAX_NAME_LENGTH = 100;

export function addAdminCommands(program: CliCommand): void {
  const admin = program
    .command('admin')
    .description('invite administrators of the bureau')
    .example('kinpass admin invite ling@city.gov.tw --name 王小玲');
  admin
    .command('invite')
    .description('create an administrator of the bureau, and print and mail a link to set the password')
    .argument('<email>', 'email address of the administrator; no other account may have it', parseEmail)
    .requiredOption('--name <name>', 'name of the administrator', parseName)
    .example(
      'kinpass admin invite ling@city.gov.tw --name 王小玲',
      'kinpass admin invite ling@city.gov.tw --name 王小玲   again: a new link replaces the unused one',
    )
    .action((email: string, { name }: { name: string }) => invite(email, name));
}

async function invite(email: string, name: string): Promise<void> {
  const settings = loadInvitingSettings(process.env);
  if (settings.isProduction && email.endsWith('.example')) {
    throw new Error(
      `admin: "${email}" is in the reserved domain .example, which production refuses; use a real address`,
    );
  }
  const { withAccountServices } = await import('../container/commands.ts');
  const { createAdministrators, SETUP_LINK_HOURS } = await import('../services/people/administrators.ts');
  const result = await withAccountServices(settings, (deps) =>
    createAdministrators({ ...deps, issuer: settings.issuer }).invite({ email, name }),
  );
  if (result.kind === 'taken') {
    throw new Error(
      `admin: "${email}" belongs to an existing account; use another address, or let an administrator grant the duty to this account in the console`,
    );
  }
  print(
    [
      `admin: ${result.isRepeated ? 'the earlier link is replaced' : `"${name}" is an administrator of the bureau`}; this link sets the password once, within ${String(SETUP_LINK_HOURS)} hours:`,
      result.link,
      `The running service also mails it to ${email}. Anyone with the link can set the password: pass it on in person or not at all.`,
    ].join('\n'),
  );
}

function parseEmail(text: string): string {
  const login = parseLogin(text);
  if (login?.kind !== 'email') throw new InvalidArgumentError('It is not an email address.');
  return login.value;
}

function parseName(text: string): string {
  const name = text.trim();
  if (name === '' || hasInvisibleCharacters(name) || codePoints(name).length > MAX_NAME_LENGTH) {
    throw new InvalidArgumentError(`It must have 1 to ${String(MAX_NAME_LENGTH)} visible characters.`);
  }
  return name;
}
