/** `kinpass clients`: needs no setting, no database and no key. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { runProgram } from '../helpers/child-process.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

async function run(args: readonly string[], env: Record<string, string> = {}, input = ''): Promise<unknown[]> {
  const program = runProgram(['clients', ...args], env);
  program.child.stdin?.end(input);
  return [await program.ended, program.out(), program.err()];
}

describe('kinpass clients', () => {
  let folder: string;
  const client = (more: object = {}): object => ({
    client_id: 'app',
    client_name: 'App',
    client_secret_sha256: ['a'.repeat(64)],
    redirect_uris: ['https://app.example/'],
    scopes: ['openid'],
    ...more,
  });
  const file = (name: string, ...clients: object[]): string => {
    const path = join(folder, name);
    writeFileSync(path, JSON.stringify({ clients }));
    return path;
  };
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'kinpass-clients-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('check exits 0 without errors, and 1 with one line for each error', async () => {
    const good = file('good.json', client());
    const http = file('http.json', client({ client_id: 'http', redirect_uris: ['http://http.example/'] }));
    const [accepted, rejected, developed, repeated] = await Promise.all([
      run(['check', good]),
      run(['check', good, http]),
      run(['check', http], { KINPASS_PROFILE: 'development' }),
      run(['check', good, file('again.json', client())]),
    ]);
    assert.deepEqual(accepted, [0, `clients: ${good}: no errors (clients: 1)\n`, '']);
    assert.deepEqual(rejected.slice(0, 2), [1, '']);
    assert.match(
      String(rejected[2]),
      /^\S+http\.json: line 1, column \d+: clients\[0\] \(http\): redirect_uris\.0: http:\/\/http\.example\/ must use https in production\n$/,
    );
    assert.deepEqual(developed, [0, `clients: ${http}: no errors (clients: 1)\n`, '']);
    assert.match(String(repeated[2]), /again\.json: .* client_id: is also in \S+good\.json: line 1, column \d+: /);
    assert.equal(repeated[0], 1);
  });

  it('secret prints a new secret in hex with its hash, and hashes a given one', async () => {
    const [made, hashed, empty] = await Promise.all([
      run(['secret']),
      run(['secret', '--stdin'], {}, 'chosen\n'),
      run(['secret', '--stdin']),
    ]);
    const [, secret = '', hash] =
      /^secret \(.*\): ([0-9a-f]{64})\nclient_secret_sha256 \(.*: ldap\.secret_sha256\): ([0-9a-f]{64})\n$/.exec(
        String(made[1]),
      ) ?? [];
    assert.deepEqual([made[0], hash], [0, sha256(secret)]);
    assert.deepEqual(hashed, [0, `${sha256('chosen')}\n`, '']);
    assert.deepEqual(empty, [1, '', 'clients: standard input has no secret\n']);
  });

  it('the commands of docs/client-registration.md make a secret and the same hash', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/client-registration.md'), 'utf8');
    const [, commands = ''] = /```sh\n(openssl rand -hex 32 > secret[^`]*)```/.exec(page) ?? [];
    const { stdout } = spawnSync('sh', ['-ec', commands], { cwd: folder, encoding: 'utf8' });
    const made = readFileSync(join(folder, 'secret'), 'utf8');
    assert.match(made, /^[0-9a-f]{64}\n$/);
    assert.deepEqual(await run(['secret', '--stdin'], {}, made), [0, stdout, '']);
  });
});
