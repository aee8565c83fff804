import { Argument, type Command } from 'commander';
import { pathOf, type CliCommand } from './command.ts';
import { print } from './output.ts';

const SHELLS = ['bash', 'zsh'] as const;
type Shell = (typeof SHELLS)[number];

export function addCompletionCommand(program: CliCommand): void {
  program
    .command('completion')
    .description('print a script that completes commands and options in the shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .example('eval "$(kinpass completion bash)"   in ~/.bashrc', 'eval "$(kinpass completion zsh)"    in ~/.zshrc')
    .action((shell: Shell) => {
      print(completionScript(program, shell));
    });
}

/** Name of arguments that are paths of files. */
const FILE_ARGUMENT = 'file';

/** zsh runs bash completion functions after its own completion system is loaded. */
const ZSH_PREFIX = `(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
autoload -Uz bashcompinit && bashcompinit
`;
const PREFIX: Record<Shell, string> = { bash: '', zsh: ZSH_PREFIX };

/** Returns a script that lists all commands, so that the shell completes a word without starting a process. */
function completionScript(program: Command, shell: Shell): string {
  const commands = [program, ...descendantsOf(program)];
  const paths = commands.slice(1).map((command) => `'${pathOf(command)}'`);
  return `${PREFIX[shell]}_kinpass() {
  local command=kinpass current="\${COMP_WORDS[COMP_CWORD]}" word names flags files=''
  for word in "\${COMP_WORDS[@]:1:$((COMP_CWORD - 1))}"; do
    case "$command $word" in
      ${paths.join(' | ')}) command="$command $word" ;;
    esac
  done
  case "$command" in
${commands.map((command) => `    '${pathOf(command)}') ${candidatesOf(program, command)} ;;`).join('\n')}
  esac
  if [[ $current == -* ]]; then names=$flags; fi
  COMPREPLY=($(compgen -W "$names" -- "$current"))
  local IFS=$'\\n'
  if [[ $files == yes && $current != -* ]]; then COMPREPLY=($(compgen -f -- "$current")); fi
}
complete -o filenames -F _kinpass kinpass`;
}

function candidatesOf(program: Command, command: Command): string {
  const help = command.createHelp();
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  // `kinpass help` takes the names of all commands.
  const parent = command.name() === 'help' ? program : command;
  const names = [...choices, ...help.visibleCommands(parent).map((one) => one.name())];
  const flags = help.visibleOptions(command).flatMap(({ long }) => long ?? []);
  const takesFile = command.registeredArguments.some((argument) => argument.name() === FILE_ARGUMENT);
  return `names='${names.join(' ')}' flags='${flags.join(' ')}'${takesFile ? ' files=yes' : ''}`;
}

function descendantsOf(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...descendantsOf(child)]);
}
