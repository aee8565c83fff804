import type { Command } from 'commander';
import type { CliCommand } from './command.ts';
import { print } from './output.ts';

/** Adds `kinpass help [command...]`, `kinpass version` and `kinpass --version`. */
export function addHelpCommands(program: CliCommand, version: string): void {
  program.version(version, '-V, --version', 'print the version');
  program
    .command('version')
    .description('print the version')
    .example('kinpass version')
    .action(() => {
      print(version);
    });
  program
    .command('help')
    .description('show the help of a command')
    .argument('[command...]', 'the words of the command')
    .example('kinpass help audit verify')
    .action((words: readonly string[]) => {
      let command: Command = program;
      for (const word of words) {
        const next = command.commands.find((one) => one.name() === word);
        if (next === undefined) command.error(`error: unknown command '${word}'`);
        command = next;
      }
      command.help();
    });
}
