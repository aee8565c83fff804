/** Help, version, usage errors, completion and closed pipes of the command line. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, openSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import packageJson from '../../package.json' with { type: 'json' };
import {
  createInstallation,
  KINPASS_BIN,
  runProgram,
  startProgram,
  type Installation,
} from '../helpers/child-process.ts';

interface Ended {
  code: number | NodeJS.Signals;
  out: string;
  err: string;
}

const run = async (args: readonly string[], env: Record<string, string> = {}): Promise<Ended> => {
  const program = runProgram(args, env);
  const code = await program.ended;
  return { code, out: program.out(), err: program.err() };
};

const COMMANDS = [
  'start',
  'demo',
  'config',
  'config check',
  'migrate',
  'mail',
  'mail test',
  'audit',
  'audit verify',
  'audit export',
  'audit archive',
  'keys',
  'keys rotate',
  'backup',
  'restore',
  'sessions',
  'sessions revoke-all',
  'person',
  'person disable',
  'person enable',
  'person unlock',
  'person erase',
  'admin',
  'admin invite',
  'register',
  'register import',
  'clients',
  'clients check',
  'clients secret',
  'completion',
  'version',
  'help',
];

describe('kinpass help', () => {
  it('lists the commands and exits 0', async () => {
    const answers = await Promise.all([run(['--help']), run(['-h']), run(['help'])]);
    for (const { code, out, err } of answers) {
      assert.deepEqual([code, err, out], [0, '', answers[0].out]);
    }
    const listed = answers[0].out.split('\n').flatMap((line) => /^ {2}([a-z]+) .*[a-z]/.exec(line)?.[1] ?? []);
    assert.deepEqual(
      listed.filter((name) => name !== 'kinpass' && name !== 'npm'),
      COMMANDS.filter((name) => !name.includes(' ')),
    );
  });

  for (const command of COMMANDS) {
    it(`describes "${command}" with an example`, async () => {
      const words = command.split(' ');
      const [flag, verb] = await Promise.all([run([...words, '--help']), run(['help', ...words])]);
      assert.deepEqual(flag, verb);
      assert.deepEqual([flag.code, flag.err], [0, '']);
      assert.ok(flag.out.startsWith(`Usage: kinpass ${command}`), flag.out);
      assert.match(flag.out, /^Usage: [^\n]+\n\n[a-z][^]+\n\nExamples?:\n {2}[^\n]*(kinpass|npm) [^]*\n$/);
    });
  }
});

describe('kinpass version', () => {
  it('prints the version of the package and exits 0', async () => {
    for (const args of [['version'], ['--version'], ['-V']]) {
      assert.deepEqual(await run(args), { code: 0, out: `${packageJson.version}\n`, err: '' });
    }
  });
});

describe('usage errors of kinpass', () => {
  const cases: [string[], string, string][] = [
    [[], 'error: missing command', ''],
    [['audit'], 'error: missing command', ' audit'],
    [['nonsense'], "error: unknown command 'nonsense'", ''],
    [['constructor'], "error: unknown command 'constructor'", ''],
    [['bakup', 'x'], "error: unknown command 'bakup'\n(Did you mean backup?)", ''],
    [['audit', 'verfy'], "error: unknown command 'verfy'\n(Did you mean verify?)", ' audit'],
    [['help', 'nonsense'], "error: unknown command 'nonsense'", ''],
    [['help', 'audit', 'nonsense'], "error: unknown command 'nonsense'", ' audit'],
    [['audit', 'help', 'nonsense'], "error: unknown command 'nonsense'", ' audit'],
    [['--nonsense'], "error: unknown option '--nonsense'", ''],
    [
      ['restore', 'f', '--revoke-session'],
      "error: unknown option '--revoke-session'\n(Did you mean --revoke-sessions?)",
      ' restore',
    ],
    [['restore', '--revoke-sessions'], "error: missing required argument 'file'", ' restore'],
    [
      ['restore', 'f', 'g'],
      "error: too many arguments for 'restore'. Expected 1 argument but got 2: f, g.",
      ' restore',
    ],
    [['backup', 'f', '--revoke-sessions'], "error: unknown option '--revoke-sessions'", ' backup'],
    [
      ['backup', ''],
      "error: command-argument value '' is invalid for argument 'file'. It must not be empty.",
      ' backup',
    ],
    [['start', 'now'], "error: too many arguments for 'start'. Expected 0 arguments but got 1: now.", ' start'],
    [['person', 'unlock'], "error: missing required argument 'login'", ' person unlock'],
    [
      ['person', 'unlock', 'a', 'b'],
      "error: too many arguments for 'unlock'. Expected 1 argument but got 2: a, b.",
      ' person unlock',
    ],
    [
      ['audit', 'verify', '17'],
      `error: command-argument value '17' is invalid for argument 'head'. A head is a number, a colon and 64 hexadecimal digits, as "audit verify" prints it.`,
      ' audit verify',
    ],
    [
      ['completion', 'fish'],
      "error: command-argument value 'fish' is invalid for argument 'shell'. Allowed choices are bash, zsh.",
      ' completion',
    ],
    ...['0', '-1', 'many', '5000001'].map((people): [string[], string, string] => [
      ['demo', '--people', people],
      `error: option '--people <number>' argument '${people}' is invalid. It must be a whole number from 1 to 5000000.`,
      ' demo',
    ]),
    [['demo', '--people'], "error: option '--people <number>' argument missing", ' demo'],
    [['demo', 'more'], "error: too many arguments for 'demo'. Expected 0 arguments but got 1: more.", ' demo'],
  ];
  for (const [args, problem, path] of cases) {
    it(`exits 2 with one sentence and a pointer to --help: ${['kinpass', ...args].join(' ')}`, async () => {
      const err = `${problem}\nRun "kinpass${path} --help" for the usage.\n`;
      assert.deepEqual(await run(args), { code: 2, out: '', err });
    });
  }
});

describe('kinpass completion', () => {
  const complete = (words: readonly string[]): string[] => {
    const { stdout: script } = spawnSync(process.execPath, [KINPASS_BIN, 'completion', 'bash'], { encoding: 'utf8' });
    const shell = `${script}
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kinpass; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const cwd = join(import.meta.dirname, '../..');
    const { stdout, stderr } = spawnSync('bash', ['-c', shell, 'bash', 'kinpass', ...words], { encoding: 'utf8', cwd });
    assert.equal(stderr, '');
    return stdout.trim().split('\n');
  };

  it('completes commands, options, choices and files in bash', () => {
    assert.deepEqual(
      complete(['']),
      COMMANDS.filter((name) => !name.includes(' ')),
    );
    assert.deepEqual(complete(['audit', '']), ['verify', 'export', 'archive', 'help']);
    assert.deepEqual(complete(['audit', 'verify', '--a']), ['--archives']);
    assert.deepEqual(complete(['restore', '--']), ['--revoke-sessions', '--help']);
    assert.deepEqual(complete(['restore', '--revoke-sessions', 'package-l']), ['package-lock.json']);
    assert.deepEqual(complete(['backup', 'package-l']), ['package-lock.json']);
    assert.deepEqual(complete(['completion', '']), ['bash', 'zsh']);
    assert.deepEqual(complete(['help', 'per']), ['person']);
    assert.deepEqual(complete(['person', 'unlock', 'package']), ['']);
  });

  it('loads the completion system of zsh before the script', async () => {
    const { code, out, err } = await run(['completion', 'zsh']);
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /compinit[^]*bashcompinit\n_kinpass\(\) \{[^]*\ncomplete [^\n]* kinpass\n$/);
    // Special variables of zsh that a function must not declare.
    assert.doesNotMatch(out, /\b(words|options|path)=/);
    if (!existsSync('/usr/bin/zsh')) return;
    const { stderr, stdout } = spawnSync('zsh', ['-f', '-c', `${out}\nwhence -w _kinpass`], { encoding: 'utf8' });
    assert.deepEqual([stdout, stderr], ['_kinpass: function\n', '']);
  });
});

describe('standard output of kinpass', () => {
  let home: Installation;
  before(async () => {
    home = await createInstallation();
    const program = await startProgram(home.env);
    program.child.kill('SIGTERM');
    assert.equal(await program.ended, 0);
  });
  after(() => {
    home.remove();
  });

  it('is silent and exits 0 when the reader closes the pipe', async () => {
    for (const args of [['audit', 'verify'], ['audit', 'export'], ['--help'], ['completion', 'bash']]) {
      const program = runProgram(args, home.env);
      program.child.stdout?.destroy();
      assert.deepEqual([await program.ended, program.err()], [0, ''], args.join(' '));
    }
  });

  it('exits 1 with one line when it cannot be written', { skip: !existsSync('/dev/full') }, () => {
    const full = openSync('/dev/full', 'w');
    const { stderr, status } = spawnSync(process.execPath, [KINPASS_BIN, 'audit', 'verify'], {
      env: { ...process.env, ...home.env },
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    closeSync(full);
    assert.match(stderr, /^failed to write to standard output: ENOSPC[^\n]*\n$/);
    assert.equal(status, 1);
  });
});
