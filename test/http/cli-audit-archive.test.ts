/** Audit log retention through the command line. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { z } from 'zod';

import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { createAppend } from '../../src/services/audit/audit.ts';
import { openStore } from '../../src/store/database/index.ts';
import { createInstallation, runProgram, startProgram, type Installation } from '../helpers/child-process.ts';
import { DAY } from '../helpers/frozen-time.ts';
import { pollUntil } from '../helpers/poll.ts';

const OLD_ENTRIES = 7;

describe('KINPASS_AUDIT_RETENTION_DAYS', () => {
  let home: Installation;
  let env: Record<string, string>;
  before(async () => {
    home = await createInstallation();
    env = { ...home.env, KINPASS_AUDIT_ARCHIVE_DIR: join(home.folder, 'archives'), KINPASS_AUDIT_RETENTION_DAYS: '30' };
    const secrets = createSecrets(Buffer.from(readFileSync(home.keyFile, 'utf8'), 'base64'), systemRandom);
    const append = createAppend({ secrets, clock: { now: () => Date.now() - 31 * DAY } });
    const store = await openStore({ file: home.databaseFile });
    for (let i = 0; i < OLD_ENTRIES; i += 1)
      await store.write((tx) => append(tx, { event: 'old.entry', outcome: 'ok' }));
    await store.close();
  });
  after(() => {
    home.remove();
  });

  const run = async (args: string[], settings = env): Promise<{ code: unknown; out: string; err: string }> => {
    const program = runProgram(args, settings);
    const code = await program.ended;
    return { code, out: program.out(), err: program.err() };
  };
  const seqsOf = (out: string): number[] =>
    out
      .trim()
      .split('\n')
      .map((line) => z.object({ seq: z.number() }).parse(JSON.parse(line)).seq);

  it('requires KINPASS_AUDIT_ARCHIVE_DIR', async () => {
    const withoutFolder = { ...home.env, KINPASS_AUDIT_RETENTION_DAYS: '30' };
    for (const args of [['start'], ['audit', 'archive']]) {
      const { code, err } = await run(args, withoutFolder);
      assert.deepEqual([code, err], [1, 'KINPASS_AUDIT_ARCHIVE_DIR: is required with KINPASS_AUDIT_RETENTION_DAYS\n']);
    }
    const { code, err } = await run(['audit', 'archive'], home.env);
    assert.equal(code, 1);
    assert.match(err, /^KINPASS_AUDIT_RETENTION_DAYS and KINPASS_AUDIT_ARCHIVE_DIR: both are required/);
    assert.match(
      (await run(['audit', 'verify', '--archives'], home.env)).err,
      /^KINPASS_AUDIT_ARCHIVE_DIR: is required/,
    );
  });

  it('archives old entries in a running service; verify and export read all of them', async () => {
    const [, kept = ''] = /^head: (.*)$/m.exec((await run(['audit', 'verify'])).out) ?? [];
    assert.match(kept, /^7:/);
    const program = await startProgram(env);
    await pollUntil('the job', () => program.out().includes('"msg":"audit entries archived"'));
    program.child.kill('SIGTERM');
    assert.equal(await program.ended, 0);
    assert.deepEqual(readdirSync(join(home.folder, 'archives')), ['audit-000000000001-000000000007.sealed']);

    const verified = await run(['audit', 'verify']);
    assert.match(
      verified.out,
      /^audit log: 8 entries, the chain is intact\narchives: entries up to 7, not read; use --archives\n/,
    );
    const whole = await run(['audit', 'verify', kept, '--archives']);
    assert.match(
      whole.out,
      /^audit log: 8 entries, the chain is intact\narchives: entries up to 7, read from entry 1 on\n/,
    );
    assert.deepEqual([whole.code, whole.err], [0, '']);
    assert.match(
      (await run(['audit', 'verify', `3:${'0'.repeat(64)}`])).err,
      /^audit log: entry 3 is in an archive that was not read/,
    );

    assert.deepEqual(seqsOf((await run(['audit', 'export'])).out), [8]);
    assert.deepEqual(seqsOf((await run(['audit', 'export', '--archives'])).out), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert.equal(
      (await run(['audit', 'archive'])).out,
      `audit archive: 0 entries moved to ${join(home.folder, 'archives')}\n`,
    );
  });

  it('verify and archive name the setting when the master key is wrong', async () => {
    const keyFile = join(home.folder, 'other-key');
    writeFileSync(keyFile, randomBytes(32).toString('base64'));
    for (const args of [
      ['audit', 'verify'],
      ['audit', 'archive'],
    ]) {
      const { code, err } = await run(args, { ...env, KINPASS_MASTER_KEY_FILE: keyFile });
      assert.deepEqual(
        [code, err],
        [
          1,
          'KINPASS_MASTER_KEY_FILE: this is not the key that the database was sealed with; restore the key from its copy\n',
        ],
      );
    }
  });
});
