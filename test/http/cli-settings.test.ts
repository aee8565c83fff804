/** Commands require only the settings that they use and create no database. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import Database from 'better-sqlite3';

import { LOGIN } from '../helpers/authorization-flow.ts';
import { createInstallation, runProgram, type Installation } from '../helpers/child-process.ts';

const COMMANDS = [
  ['audit', 'verify'],
  ['audit', 'export'],
  ['audit', 'archive'],
  ['keys', 'rotate'],
  ['sessions', 'revoke-all'],
  ['person', 'disable', LOGIN.G2],
  ['person', 'enable', LOGIN.G2],
  ['person', 'unlock', LOGIN.G2],
];

describe('kinpass commands', () => {
  let home: Installation;
  before(async () => {
    home = await createInstallation();
  });
  after(() => {
    home.remove();
  });

  const run = async (args: readonly string[], env: Record<string, string>): Promise<[unknown, string, string]> => {
    const program = runProgram(args, env);
    return [await program.ended, program.out(), program.err()];
  };
  const only = (...names: string[]): Record<string, string> =>
    Object.fromEntries(names.map((name) => [name, home.env[name] ?? '']));
  const archive = (): Record<string, string> => ({
    KINPASS_AUDIT_RETENTION_DAYS: '30',
    KINPASS_AUDIT_ARCHIVE_DIR: join(home.folder, 'archives'),
  });

  it('reject a SQLite path that does not exist and create nothing', async () => {
    mkdirSync(join(home.folder, 'empty'));
    const file = join(home.folder, 'empty', 'data', 'kinpass.sqlite');
    const expected = `KINPASS_DATABASE_FILE: ${file} does not exist; check the path and the folder that the command runs in`;
    const env = { ...home.env, ...archive(), KINPASS_DATABASE_FILE: file };
    await Promise.all(
      COMMANDS.map(async (args) => {
        assert.deepEqual(await run(args, env), [1, '', `${expected}\n`], args.join(' '));
      }),
    );
    const backup = await run(['backup', join(home.folder, 'empty', 'copy')], env);
    assert.deepEqual(backup, [1, '', `backup: ${expected}; nothing was written\n`]);
    assert.deepEqual(readdirSync(join(home.folder, 'empty')), []);
  });

  it('reject a file that is not a Kinpass database with one sentence', async () => {
    const [text, foreign] = [join(home.folder, 'text'), join(home.folder, 'foreign.sqlite')];
    writeFileSync(text, 'no database at all\n'.repeat(100));
    const database = new Database(foreign);
    database.exec('create table t (x)');
    database.close();
    for (const [file, expected] of [
      [text, /^KINPASS_DATABASE_FILE: \S+ cannot be opened: file is not a database\n$/],
      [foreign, /^KINPASS_DATABASE_FILE: \S+ is not a database of Kinpass: it has none of its tables\n$/],
    ] as const) {
      for (const args of [COMMANDS[0], COMMANDS[7]]) {
        const [code, , err] = await run(args ?? [], { ...home.env, KINPASS_DATABASE_FILE: file });
        assert.match(err, expected);
        assert.equal(code, 1);
      }
    }
  });

  it('fail with one sentence when PostgreSQL cannot be reached', async () => {
    const env = { ...home.env, DATABASE_URL: 'postgres://u:secret@127.0.0.1:1/kinpass' };
    const [code, , err] = await run(['audit', 'verify'], env);
    assert.match(err, /^DATABASE_URL: the database cannot be opened: [^\n]*ECONNREFUSED[^\n]*\n$/);
    assert.ok(!err.includes('secret'));
    assert.equal(code, 1);
  });

  it('need only the settings that they use', async () => {
    const key = only('KINPASS_MASTER_KEY_FILE', 'KINPASS_DATABASE_FILE');
    const backup = join(home.folder, 'copy.backup');
    assert.deepEqual((await run(['backup', backup], only('KINPASS_DATABASE_FILE'))).slice(1), [
      `backup: written to ${backup}; the master key is not in it\n`,
      '',
    ]);
    const clients = { ...key, ...only('KINPASS_CLIENTS_FILE') };
    const ways: [string[], Record<string, string>][] = [
      [['audit', 'verify'], key],
      [['audit', 'export'], key],
      [['audit', 'archive'], { ...key, ...archive() }],
      [['person', 'unlock', LOGIN.G2], key],
      [['person', 'disable', LOGIN.G2], clients],
      [['person', 'enable', LOGIN.G2], clients],
      [['sessions', 'revoke-all'], clients],
    ];
    for (const [args, env] of ways) {
      const [code, , err] = await run(args, env);
      assert.deepEqual([code, err], [0, ''], args.join(' '));
    }
    assert.match((await run(['keys', 'rotate'], key))[2], /^(keys: the next keys are younger[^\n]*\n)?$/);
  });

  it('name only the missing settings that they use', async () => {
    const missing = async (...args: string[]): Promise<string[]> =>
      (await run(args, {}))[2]
        .trim()
        .split('\n')
        .map((line) => line.split(':')[0] ?? '');
    assert.deepEqual(await missing('audit', 'verify'), ['KINPASS_MASTER_KEY_FILE']);
    assert.deepEqual(await missing('person', 'disable', LOGIN.G2), ['KINPASS_MASTER_KEY_FILE', 'KINPASS_CLIENTS_FILE']);
  });

  it('backup names a target that cannot be written in one sentence', async () => {
    const file = join(home.folder, 'file');
    writeFileSync(file, '');
    const ways: [string, string][] = [
      [
        '/proc/nope/kinpass.backup',
        'cannot write /proc/nope/kinpass.backup (ENOENT); choose a folder that this user can write to',
      ],
      [
        join(file, 'kinpass.backup'),
        `cannot write ${join(file, 'kinpass.backup')} (ENOTDIR); choose a folder that this user can write to`,
      ],
    ];
    for (const [target, problem] of ways) {
      const expected = `backup: ${problem}; nothing was written\n`;
      assert.deepEqual(await run(['backup', target], home.env), [1, '', expected]);
    }
  });

  for (const args of [['start'], ['audit', 'archive']]) {
    it(`${args.join(' ')} rejects an archive folder in which no file can be created`, async () => {
      const file = join(home.folder, 'no-folder');
      writeFileSync(file, '');
      for (const folder of ['/proc/nope', '/proc', file]) {
        const env = { ...home.env, ...archive(), KINPASS_AUDIT_ARCHIVE_DIR: folder };
        const [code, , err] = await run(args, env);
        assert.match(
          err,
          /^KINPASS_AUDIT_ARCHIVE_DIR: cannot create files in \S+ \((E[A-Z]+|\S+ is not a folder)\); choose a folder that this user can write to\n$/,
        );
        assert.equal(code, 1);
      }
    });
  }
});
