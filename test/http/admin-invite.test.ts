/** The first administrator of an empty installation, from the command line to a signed-in person. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import Database from 'better-sqlite3';
import { z } from 'zod';

import { startMailCatcher, type MailCatcher } from '../../demo/mail-catcher.ts';
import { interactionOf } from '../helpers/authorization-flow.ts';
import {
  createInstallation,
  runProgram,
  startProgram,
  type Installation,
  type Program,
} from '../helpers/child-process.ts';
import { signInToAccount } from '../helpers/city.ts';
import { createHttpBrowser, textOf, type Answer } from '../helpers/http-browser.ts';
import { linkIn, mailTo, mailsTo } from '../helpers/mail.ts';
import { pollUntil } from '../helpers/poll.ts';

const EMAIL = 'ling@city.test';
const PASSWORD = 'kangaroo piano river';
const SUBJECT = '您受邀擔任管理者';

describe('kinpass admin invite', () => {
  let home: Installation;
  let service: Program;
  let mail: MailCatcher;
  before(async () => {
    mail = await startMailCatcher({ smtpPort: 0, webPort: 0 });
    home = await createInstallation({ city: false, smtpUrl: mail.smtpUrl });
    service = await startProgram(home.env);
  });
  after(async () => {
    service.child.kill('SIGTERM');
    await service.ended;
    await mail.close();
    home.remove();
  });

  const run = async (
    args: readonly string[],
    env: Record<string, string> = home.env,
  ): Promise<{ code: unknown; out: string; err: string }> => {
    const program = runProgram(['admin', 'invite', ...args], env);
    const code = await program.ended;
    return { code, out: program.out(), err: program.err() };
  };
  const invite = async (email = EMAIL): Promise<string> => {
    const { code, out, err } = await run([email, '--name', '王小玲']);
    assert.deepEqual([code, err], [0, '']);
    return linkIn({ text: out });
  };
  const query = (sql: string): unknown[] => {
    const database = new Database(home.databaseFile, { readonly: true });
    try {
      return database.prepare(sql).all();
    } finally {
      database.close();
    }
  };
  const complete = async (link: string, next = PASSWORD): Promise<Answer> => {
    const httpBrowser = createHttpBrowser(home.issuer);
    const page = await httpBrowser.open(link);
    return page.status === 200 ? httpBrowser.submit(page, { new_password: next, confirm_password: next }) : page;
  };

  it('leads from an empty database to an own password and a sign-in', async () => {
    assert.deepEqual(query('select * from persons'), [], 'there is no default account');
    const link = await invite();
    assert.equal(linkIn(await mailTo(mail, EMAIL, SUBJECT)), link, 'the mail has the printed link');
    assert.deepEqual(query('select role, school_code from memberships'), [{ role: 'bureau_admin', school_code: null }]);
    assert.deepEqual(query('select verified_at from identifiers'), [{ verified_at: null }]);
    assert.deepEqual(query('select * from passwords union all select null, null, null from first_passwords'), []);
    const page = await createHttpBrowser(home.issuer).open(link);
    assert.ok(textOf(page.body).includes('您已受邀擔任本服務的管理者。'));
    assert.equal((await complete(link, 'short')).status, 422, 'the rules of new passwords apply');
    const done = await complete(link);
    assert.equal(done.status, 200);
    assert.match(done.body, /<a class="button" href="\/console">/);
    const [verified] = z.array(z.object({ verified_at: z.number() })).parse(query('select * from identifiers'));
    assert.ok(verified);
    const { answer } = await signInToAccount(home, EMAIL, PASSWORD);
    assert.equal(answer.status, 200);
    assert.ok(textOf(answer.body).includes('王小玲'));
    assert.deepEqual(
      query(
        "select event, json_extract(detail, '$.capacity') as capacity from audit where subject_id is not null limit 2",
      ),
      [
        { event: 'administrator.invited', capacity: 'operator' },
        { event: 'password.set', capacity: null },
      ],
    );
    assert.equal((await complete(link, 'another password of mine')).status, 410, 'the link works once');
  });

  it('leads to sign-in when the console is opened before', async () => {
    assert.equal(interactionOf(await createHttpBrowser(home.issuer).open('/console')), 'login');
  });

  it('replaces the unused link when it is repeated', async () => {
    const email = 'wen@city.test';
    const older = await invite(email);
    const { out } = await run([email, '--name', '王小玲']);
    assert.match(out, /^admin: the earlier link is replaced; this link sets the password once, within 24 hours:\n/);
    assert.equal((await complete(older)).status, 410);
    const newer = linkIn({ text: out });
    await pollUntil('both mails', () => mailsTo(mail, email, SUBJECT).length === 2);
    assert.equal((await complete(newer)).status, 200);
    assert.equal((await signInToAccount(home, email, PASSWORD)).answer.status, 200);
  });

  it('stores no link in clear', async () => {
    const token = new URL(await invite('yi@city.test')).searchParams.get('token') ?? '';
    assert.match(token, /^[\w-]{43}$/);
    for (const file of [home.databaseFile, `${home.databaseFile}-wal`]) {
      assert.ok(!readFileSync(file).includes(token), file);
    }
  });

  it('refuses the address of an existing account', async () => {
    const { code, out, err } = await run([EMAIL.toUpperCase(), '--name', 'Ling']);
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, /^admin: "ling@city\.test" belongs to an existing account; use another address[^\n]*\n$/);
  });

  it('refuses an address that production refuses, and a database that does not exist', async () => {
    const production = { ...home.env, KINPASS_PROFILE: 'production' };
    const reserved = await run(['ling@city.example', '--name', 'Ling'], production);
    assert.equal(reserved.code, 1);
    assert.match(reserved.err, /^admin: "ling@city\.example" is in the reserved domain \.example[^\n]*\n$/);
    const missing = { ...home.env, KINPASS_DATABASE_FILE: join(home.folder, 'missing.sqlite') };
    const absent = await run([EMAIL, '--name', 'Ling'], missing);
    assert.equal(absent.code, 1);
    assert.match(absent.err, /does not exist; check the path/);
  });

  it('explains a wrong address or name', async () => {
    const answers = await Promise.all([
      run(['ling', '--name', 'Ling']),
      run([EMAIL, '--name', ' ']),
      run([EMAIL, '--name', 'a\u202eb']),
      run([EMAIL]),
    ]);
    const firstLines = answers.map(({ code, err }) => `${String(code)} ${err.split('\n')[0] ?? ''}`);
    assert.match(firstLines[0] ?? '', /^2 error: .*It is not an email address\.$/);
    for (const line of firstLines.slice(1, 3))
      assert.match(line, /^2 error: .*It must have 1 to 100 visible characters\.$/);
    assert.equal(firstLines[3], "2 error: required option '--name <name>' not specified");
  });
});
