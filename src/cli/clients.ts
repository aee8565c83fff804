import { createHash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { loadAddressRules } from '../config/command-settings.ts';
import { systemRandom } from '../domain/random.ts';
import { parseNonEmpty, type CliCommand } from './command.ts';
import { print } from './output.ts';

export function addClientsCommands(program: CliCommand): void {
  const clients = program
    .command('clients')
    .description('check clients files, and make client secrets')
    .example('kinpass clients check clients.json');
  clients
    .command('check')
    .description('check clients files as the service does; needs no database and no key')
    .argument('<file...>', 'clients files', (file: string, files: string[] | undefined) => [
      ...(files ?? []),
      parseNonEmpty(file),
    ])
    .example('kinpass clients check clients.json')
    .action(check);
  clients
    .command('secret')
    .description('make a client secret, and print it with its hash; nothing is stored')
    .option('--stdin', 'read a secret from standard input, and print its hash only')
    .example('kinpass clients secret', 'kinpass clients secret --stdin < secret')
    .action(secret);
}

async function check(files: readonly string[]): Promise<void> {
  const { checkClientsFile } = await import('../config/clients-file.ts');
  const rules = loadAddressRules(process.env);
  const first = new Map<string, string>();
  const problems = files.flatMap((file) => {
    const checked = checkClientsFile(file, rules);
    // The errors of a file include its own duplicates.
    const known = new Map(first);
    for (const { id, place } of checked.ids) if (!first.has(id)) first.set(id, place);
    const duplicates = checked.ids.flatMap(({ id, place }) => {
      const other = known.get(id);
      return other === undefined ? [] : [`${place}: client_id: is also in ${other}`];
    });
    return [...checked.problems, ...duplicates];
  });
  if (problems.length > 0) throw new Error(problems.join('\n'));
  print(`clients: ${files.join(', ')}: no errors (clients: ${String(first.size)})`);
}

/** Bytes of a secret: 256 bits. */
const SECRET_BYTES = 32;

async function secret({ stdin }: { stdin?: true }): Promise<void> {
  if (stdin === undefined) {
    // Hex digits need no escaping in a form, a shell or the Authorization header.
    const created = systemRandom.bytes(SECRET_BYTES).toString('hex');
    print(`secret (for the app, shown once): ${created}`);
    print(`client_secret_sha256 (for the file; for the directory: ldap.secret_sha256): ${hashOf(created)}`);
    return;
  }
  const given = (await text(process.stdin)).replace(/\r?\n$/, '');
  if (given === '') throw new Error('clients: standard input has no secret');
  print(hashOf(given));
}

function hashOf(value: string): string {
  return createHash('sha256').update(value).digest('hex');
}
