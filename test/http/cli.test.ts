import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import Database from 'better-sqlite3';
import { z } from 'zod';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { createInstallation, runProgram, startProgram, type Installation } from '../helpers/child-process.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { pollUntil } from '../helpers/poll.ts';

interface Ended {
  code: number | NodeJS.Signals;
  out: string;
  err: string;
}

const entry = z.object({
  seq: z.number(),
  at: z.number(),
  event: z.string(),
  outcome: z.enum(['ok', 'refused']),
  hash: z.string().length(64),
  prevHash: z.string().length(64),
});

describe('kinpass', () => {
  let home: Installation;
  before(async () => {
    home = await createInstallation();
    const program = await startProgram(home.env);
    const httpBrowser = createHttpBrowser(home.issuer);
    for (const password of ['wrong', DEMO_PASSWORD]) {
      await httpBrowser.submit(await httpBrowser.open('/account?x'), { login: LOGIN.G2, password });
    }
    program.child.kill('SIGTERM');
    assert.equal(await program.ended, 0);
  });
  after(() => {
    home.remove();
  });

  const run = async (args: string[], env: Record<string, string> = home.env): Promise<Ended> => {
    const program = runProgram(args, env);
    const code = await program.ended;
    return { code, out: program.out(), err: program.err() };
  };
  /** Changes a copy of the database by hand and runs the command on it. */
  const verifyAfter = async (sql: string, at: number, head: string[] = [], env = home.env): Promise<Ended> => {
    const copy = join(home.folder, `copy-${String(at)}.sqlite`);
    const original = new Database(home.databaseFile, { readonly: true });
    writeFileSync(copy, original.serialize());
    original.close();
    const database = new Database(copy);
    // An attacker with write access to the file can also drop the triggers that protect the log.
    const triggers = z.array(z.object({ name: z.string() }));
    const list = database.prepare("select name from sqlite_master where type = 'trigger'").all();
    for (const { name } of triggers.parse(list)) database.exec(`drop trigger ${name}`);
    database.exec(sql);
    database.close();
    return run(['audit', 'verify', ...head], { ...env, KINPASS_DATABASE_FILE: copy });
  };

  it('audit verify: accepts the log of a real sign-in', async () => {
    const { code, out, err } = await run(['audit', 'verify']);
    assert.equal(err, '');
    assert.match(out, /^audit log: [3-9] entries, the chain is intact\nhead: [3-9]:[0-9a-f]{64}\n/);
    assert.match(out, /keep the head somewhere else/i, 'the limit is printed');
    assert.equal(code, 0);
  });

  it('audit verify: detects a log that was cut off, even with its head', async () => {
    const windBack = `delete from audit where seq = (select max(seq) from audit);
      update audit_head set (seq, hash) = (select seq, hash from audit order by seq desc limit 1)`;
    const { code, out, err } = await verifyAfter(windBack, 100);
    assert.match(err, /^audit log: the head was changed by hand[^\n]*\n$/);
    assert.equal(out, '');
    assert.equal(code, 1);
  });

  it('audit verify HEAD: detects a log that lacks the given head', async () => {
    const [, head = ''] = /^head: (.*)$/m.exec((await run(['audit', 'verify'])).out) ?? [];
    const [whole, wiped, other, nonsense] = await Promise.all([
      run(['audit', 'verify', head]),
      verifyAfter('delete from audit; delete from audit_head', 101, [head]),
      run(['audit', 'verify', head.replaceAll(/[0-9a-f]$/g, (last) => (last === 'a' ? 'b' : 'a'))]),
      run(['audit', 'verify', `${head}0`]),
    ]);
    assert.equal(whole.code, 0);
    for (const { code, err } of [wiped, other]) {
      assert.match(err, /^audit log: entry \d+ is not the one whose head was kept\n$/);
      assert.equal(code, 1);
    }
    assert.match(nonsense.err, /^error: [^\n]* is invalid for argument 'head'/);
    assert.equal(nonsense.code, 2);
  });

  it('audit verify: detects a row that was changed, removed, added or cut off by hand', async () => {
    const hands: [string, RegExp][] = [
      ["update audit set outcome = 'ok' where seq = 1", /entry 1 does not fit \(hash\)/],
      ['delete from audit where seq = 2', /entry 3 does not fit \(sequence\)/],
      ['delete from audit where seq = (select max(seq) from audit)', /it ends at entry \d+, but \d+ were written/],
      ['update audit_head set seq = seq - 1', /^audit log: the head was changed by hand/],
      ["update audit_head set mac = ''", /^audit log: the head was changed by hand/],
      [
        `insert into audit select (select max(seq) + 1 from audit), at, event, outcome, actor_id, subject_id, client_id,
          address, detail, prev_hash, hash from audit where seq = 1`,
        /entry \d+ does not fit \(previous\)/,
      ],
    ];
    await Promise.all(
      hands.map(async ([sql, expected], at) => {
        const { code, out, err } = await verifyAfter(sql, at);
        assert.match(err, expected, sql);
        assert.equal(err.trim().split('\n').length, 1);
        assert.equal(out, '');
        assert.equal(code, 1);
      }),
    );
    assert.equal((await verifyAfter('select 1', hands.length)).code, 0);
  });

  it('audit verify: names another master key, with and without stored keys', async () => {
    const otherKey = join(home.folder, 'other-key');
    writeFileSync(otherKey, randomBytes(32).toString('base64'));
    const env = { ...home.env, KINPASS_MASTER_KEY_FILE: otherKey };
    const [stored, none, own] = await Promise.all([
      run(['audit', 'verify'], env),
      verifyAfter('delete from keys', 102, [], env),
      verifyAfter('delete from keys', 103),
    ]);
    assert.deepEqual(
      [stored.code, stored.err],
      [
        1,
        'KINPASS_MASTER_KEY_FILE: this is not the key that the database was sealed with; restore the key from its copy\n',
      ],
    );
    assert.equal(none.code, 1);
    assert.match(none.err, /^audit log: the head does not fit KINPASS_MASTER_KEY_FILE; use the key [^\n]*\n$/);
    assert.equal(own.code, 0, own.err);
  });

  it('audit verify: says on standard error that it waits for the migration lock', async () => {
    const holder = new Database(home.databaseFile);
    holder.exec('begin immediate');
    const program = runProgram(['audit', 'verify'], home.env);
    try {
      await pollUntil('the line', () => program.err().includes('waiting for the migration lock'), 30_000);
    } finally {
      holder.exec('rollback');
      holder.close();
    }
    assert.equal(await program.ended, 0);
    assert.match(program.out(), /^audit log: /);
  });

  it('audit export: prints every entry as one line of JSON', async () => {
    const { code, out, err } = await run(['audit', 'export']);
    assert.equal(code, 0);
    assert.equal(err, '');
    const entries = out
      .trim()
      .split('\n')
      .map((text) => entry.parse(JSON.parse(text)));
    assert.deepEqual(
      entries.map(({ seq }) => seq),
      entries.map((_, at) => at + 1),
    );
    assert.deepEqual(
      entries.slice(0, 3).map(({ event, outcome }) => `${event} ${outcome}`),
      ['sign_in.failed refused', 'sign_in.succeeded ok', 'authorization.granted ok'],
    );
    assert.ok(!out.includes('meiling'));
  });

  it('keys rotate: rejects a master key that is not the one of the database', async () => {
    const keyFile = `${home.keyFile}.other`;
    writeFileSync(keyFile, randomBytes(32).toString('base64'));
    const { code, err } = await run(['keys', 'rotate'], { ...home.env, KINPASS_MASTER_KEY_FILE: keyFile });
    assert.equal(code, 1);
    assert.match(
      err,
      /^KINPASS_MASTER_KEY_FILE: this is not the key that the database was sealed with; restore the key from its copy\n$/,
    );
  });

  it('lists every missing setting when no settings are given', async () => {
    const { code, err } = await run(['start'], {});
    assert.equal(code, 1);
    const names = err
      .trim()
      .split('\n')
      .map((text) => text.split(':')[0]);
    assert.deepEqual(names.sort(), [
      'KINPASS_CLIENTS_FILE',
      'KINPASS_ISSUER',
      'KINPASS_MAIL_FROM',
      'KINPASS_MASTER_KEY_FILE',
      'KINPASS_SMTP_URL',
    ]);
  });
});

describe('bin/kinpass.js on an old Node', () => {
  const program = join(import.meta.dirname, '../../bin/kinpass.js');
  const oldNode = '/usr/bin/node';
  const expected =
    /^Kinpass needs Node 24 or newer; this is v\d+\.\d+\.\d+\. On Linux "npm ci" brings Node 24 along: use "npm start" or "npm run demo"\.\n$/;

  it('prints one line and exits', () => {
    // Overwrites the version before the program reads it, because no old Node may be installed.
    const folder = mkdtempSync(join(tmpdir(), 'kinpass-node-'));
    const disguise = join(folder, 'disguise.cjs');
    writeFileSync(
      disguise,
      `Object.defineProperty(process.versions, 'node', { value: '20.19.0' });
       Object.defineProperty(process, 'version', { value: 'v20.19.0' });`,
    );
    const ways: [string, string[]][] = [[process.execPath, ['--require', disguise]]];
    if (isOld(oldNode)) ways.push([oldNode, []]);
    for (const [node, flags] of ways) {
      for (const args of [['start'], ['demo'], ['audit', 'verify'], []]) {
        const { status, stdout, stderr } = spawnSync(node, [...flags, program, ...args], { encoding: 'utf8' });
        assert.equal(status, 1, node);
        assert.equal(stdout, '');
        assert.match(stderr, expected);
      }
    }
    rmSync(folder, { recursive: true });
  });
});

function isOld(node: string): boolean {
  if (!existsSync(node)) return false;
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout;
  return Number(/^v(\d+)/.exec(version)?.[1] ?? 24) < 24;
}
