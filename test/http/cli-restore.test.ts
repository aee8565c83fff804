/** `kinpass backup` and `kinpass restore` as commands. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { createInstallation, runProgram, startProgram, type Installation } from '../helpers/child-process.ts';
import { createHttpBrowser, type HttpBrowser } from '../helpers/http-browser.ts';

interface Ended {
  code: number | NodeJS.Signals;
  out: string;
  err: string;
}

const run = async (args: string[], env: Record<string, string>): Promise<Ended> => {
  const program = runProgram(args, env);
  const code = await program.ended;
  return { code, out: program.out(), err: program.err() };
};

describe('kinpass restore', () => {
  let home: Installation;
  let httpBrowser: HttpBrowser;
  let file: string;
  before(async () => {
    home = await createInstallation();
    file = join(home.folder, 'kinpass.backup');
    const program = await startProgram(home.env);
    httpBrowser = createHttpBrowser(home.issuer);
    await httpBrowser.submit(await httpBrowser.open('/account'), { login: LOGIN.G2, password: DEMO_PASSWORD });
    const { code, out } = await run(['backup', file], home.env);
    assert.deepEqual([code, out], [0, `backup: written to ${file}; the master key is not in it\n`]);
    program.child.kill('SIGTERM');
    await program.ended;
  });
  after(() => {
    home.remove();
  });

  const envOf = (name: string): Record<string, string> => ({
    ...home.env,
    KINPASS_DATABASE_FILE: join(home.folder, `${name}.sqlite`),
  });
  const isSignedIn = async (env: Record<string, string>): Promise<boolean> => {
    const program = await startProgram(env);
    const page = await httpBrowser.open('/account');
    program.child.kill('SIGTERM');
    await program.ended;
    return interactionOf(page) !== 'login';
  };

  it('prints that sessions of the backup are valid again and how to revoke them', async () => {
    const env = envOf('plain');
    const restored = await run(['restore', file], env);
    assert.deepEqual([restored.code, restored.err], [0, '']);
    assert.match(
      restored.out,
      /^restore: done from [^\n]*\nrestore: sessions[^\n]* valid again[^\n]*\n[^\n]*kinpass sessions revoke-all\n$/,
    );
    assert.equal(await isSignedIn(env), true);
    const revoked = await run(['sessions', 'revoke-all'], env);
    assert.deepEqual([revoked.code, revoked.err], [0, '']);
    assert.match(
      revoked.out,
      /^sessions: 1 sessions and \d+ grants with their tokens revoked; everyone signs in again\n$/,
    );
    assert.equal(await isSignedIn(env), false);
  });

  it('revokes all sessions of the backup with --revoke-sessions', async () => {
    const env = envOf('revoked');
    for (const args of [
      ['restore', file, '--revoke-sessions', 'x'],
      ['restore', '--revoke-sessions'],
      ['restore', file, '--revoke-session'],
      ['backup', file, '--revoke-sessions'],
    ]) {
      assert.equal((await run(args, env)).code, 2, args.join(' '));
    }
    const restored = await run(['restore', '--revoke-sessions', file], env);
    assert.deepEqual([restored.code, restored.err], [0, '']);
    assert.match(
      restored.out,
      /sessions: 1 sessions and \d+ grants with their tokens revoked; everyone signs in again\n$/,
    );
    assert.equal(await isSignedIn(env), false);
    const log = await run(['audit', 'export'], env);
    assert.match(log.out, /"event":"sessions.all_revoked".*"reason":"restore"/);
    assert.equal((await run(['audit', 'verify'], env)).code, 0);
  });

  it('rejects a backup that another key sealed with one line and writes nothing', async () => {
    const keyFile = join(home.folder, 'other-key');
    writeFileSync(keyFile, randomBytes(32).toString('base64'));
    const env = { ...envOf('refused'), KINPASS_MASTER_KEY_FILE: keyFile };
    const { code, out, err } = await run(['restore', file], env);
    assert.deepEqual([code, out], [1, '']);
    assert.match(
      err,
      /^restore: [^\n]* was sealed by another master key than the one in KINPASS_MASTER_KEY_FILE; nothing was written\n$/,
    );
    assert.ok(!existsSync(join(home.folder, 'refused.sqlite')));
  });
});
