import { Command, InvalidArgumentError, type ErrorOptions, type HelpContext } from 'commander';

/** A command whose usage errors are one sentence about the mistake, then a pointer to the help of that command. */
export class CliCommand extends Command {
  override createCommand(name?: string): CliCommand {
    return new CliCommand(name);
  }

  override error(message: string, options?: ErrorOptions): never {
    return super.error(`${message}\nRun "${pathOf(this)} --help" for the usage.`, options);
  }

  /** Commander prints the whole help when a subcommand is missing or `help` gets an unknown name. */
  override help(context?: HelpContext | ((text: string) => string)): never {
    if (typeof context === 'object' && context.error) {
      const name = this.args.find((word) => word !== 'help');
      this.error(name === undefined ? 'error: missing command' : `error: unknown command '${name}'`);
    }
    // The overload with a function is deprecated and has no caller here.
    super.help(typeof context === 'object' ? context : undefined);
  }

  /** Adds examples at the end of the help. */
  example(...lines: string[]): this {
    const title = lines.length > 1 ? 'Examples:' : 'Example:';
    return this.addHelpText('after', ['', title, ...lines.map((line) => `  ${line}`)].join('\n'));
  }
}

/** Returns the full name of a command: `kinpass audit verify`. */
export function pathOf(command: Command): string {
  const own = command.name();
  return command.parent === null ? own : `${pathOf(command.parent)} ${own}`;
}

/** Parses an argument that must not be empty. An unset shell variable gives an empty argument. */
export function parseNonEmpty(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}
