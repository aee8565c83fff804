import { InvalidArgumentError } from 'commander';
import { loadMailSettings } from '../config/command-settings.ts';
import { parseLogin } from '../domain/credentials/identifiers.ts';
import type { CliCommand } from './command.ts';
import { print } from './output.ts';

export function addMailCommands(program: CliCommand): void {
  const mail = program.command('mail').description('check the mail server').example('kinpass mail test');
  mail
    .command('test')
    .description('sign in to the mail server of KINPASS_SMTP_URL, and optionally send a mail')
    .option('--to <email>', 'send a mail to this address', parseEmail)
    .example('kinpass mail test', 'kinpass mail test --to ling@city.gov.tw')
    .action(test);
}

async function test({ to }: { to?: string }): Promise<void> {
  const { createMailTest, describeMailError } = await import('../services/notifications/mail-test.ts');
  const settings = loadMailSettings(process.env);
  const host = new URL(settings.smtpUrl).host;
  const mailTest = createMailTest(settings);
  try {
    await mailTest.attempt(to);
  } catch (error) {
    throw new Error(`KINPASS_SMTP_URL: ${host}: ${describeMailError(error)}`, { cause: error });
  } finally {
    mailTest.close();
  }
  print(to === undefined ? `mail: ${host} accepts connections` : `mail: ${host} accepted a mail to ${to}`);
}

function parseEmail(text: string): string {
  const login = parseLogin(text);
  if (login?.kind !== 'email') throw new InvalidArgumentError('It is not an email address.');
  return login.value;
}
