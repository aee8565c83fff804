import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import Database from 'better-sqlite3';
import { z } from 'zod';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import {
  createInstallation,
  runProgram,
  startProgram,
  type Installation,
  type Program,
} from '../helpers/child-process.ts';
import { personId, signInToAccount } from '../helpers/city.ts';
import { type Answer } from '../helpers/http-browser.ts';

describe('kinpass person', () => {
  let home: Installation;
  let service: Program;
  before(async () => {
    home = await createInstallation();
    service = await startProgram(home.env);
  });
  after(async () => {
    service.child.kill('SIGTERM');
    await service.ended;
    home.remove();
  });

  const signIn = async (login: string, password: string): Promise<Answer> =>
    (await signInToAccount(home, login, password)).answer;
  const block = async (login: string): Promise<void> => {
    for (let i = 0; i < 5; i += 1) assert.equal((await signIn(login, 'wrong')).status, 422);
    assert.equal((await signIn(login, DEMO_PASSWORD)).status, 429);
  };
  const run = async (...args: string[]): Promise<[unknown, string, string]> => {
    const program = runProgram(['person', ...args], home.env);
    return [await program.ended, program.out(), program.err()];
  };
  const change = (sql: string): unknown => {
    const database = new Database(home.databaseFile);
    try {
      const statement = database.prepare(sql);
      return statement.reader ? statement.all() : statement.run();
    } finally {
      database.close();
    }
  };

  it('unlock resets the throttles of every login of the account and records it', async () => {
    const mobile = '0900000102';
    for (const login of [LOGIN.G2, mobile]) await block(login);
    assert.deepEqual(await run('unlock', mobile), [
      0,
      `person: account "${mobile}" is unlocked; the person can sign in now\n`,
      '',
    ]);
    for (const login of [LOGIN.G2, mobile]) assert.equal((await signIn(login, DEMO_PASSWORD)).status, 200);
    const rows = z.array(z.object({ subject_id: z.string() }));
    const entries = rows.parse(change("select subject_id from audit where event = 'person.unlocked'"));
    assert.deepEqual(entries, [{ subject_id: personId('G2') }]);
  });

  it('unlock unlocks an account and reopens a closed first password but not an expired one', async () => {
    const of = (table: string): string => `update ${table} set failures = 50`;
    await block(LOGIN.G1);
    change(of('throttles'));
    change(`update first_passwords set failures = 10, closed_at = 1 where person_id = '${personId('G1')}'`);
    assert.equal((await run('unlock', LOGIN.G1))[0], 0);
    assert.equal(interactionOf(await signIn(LOGIN.G1, '100201')), 'new_password');
    change(`update first_passwords set closed_at = 1, expires_at = 1 where person_id = '${personId('G1')}'`);
    assert.equal((await run('unlock', LOGIN.G1))[0], 0);
    assert.equal((await signIn(LOGIN.G1, '100201')).status, 422);
  });

  it('unlock and enable keep a closed one-time code closed', async () => {
    change(
      `update first_passwords set kind = 'one_time_code', closed_at = 1, expires_at = 9e15 where person_id = '${personId('G1')}'`,
    );
    for (const command of ['unlock', 'disable', 'enable']) assert.equal((await run(command, LOGIN.G1))[0], 0);
    assert.deepEqual(change(`select closed_at from first_passwords where person_id = '${personId('G1')}'`), [
      { closed_at: 1 },
    ]);
  });

  it('enable after disable also unlocks the account', async () => {
    await block(LOGIN.T1);
    const next = `run: kinpass person enable ${LOGIN.T1}`;
    assert.deepEqual(await run('disable', LOGIN.T1), [
      0,
      `person: account "${LOGIN.T1}" is disabled and its sessions and tokens are revoked; to undo, ${next}\n`,
      '',
    ]);
    assert.deepEqual(await run('unlock', LOGIN.T1), [
      0,
      `person: account "${LOGIN.T1}" is unlocked; it is still disabled; ${next}\n`,
      '',
    ]);
    assert.deepEqual(await run('enable', LOGIN.T1), [
      0,
      `person: account "${LOGIN.T1}" is enabled and unlocked; the person can sign in now\n`,
      '',
    ]);
    assert.equal((await signIn(LOGIN.T1, DEMO_PASSWORD)).status, 200);
  });

  it('erase deletes and records an account once, and refuses without --confirm or if obstructed', async () => {
    const id = personId('G2');
    const [code, , hint] = await run('erase', id);
    assert.equal(code, 2);
    assert.match(hint, /required option '--confirm' not specified/);
    const staff = personId('T1');
    const refused = `person: account "${staff}" cannot be deleted: the person has a duty; end the duty first\n`;
    assert.deepEqual(await run('erase', staff, '--confirm'), [1, '', refused]);
    assert.deepEqual(await run('erase', id, '--confirm'), [
      0,
      `person: account "${id}" is deleted with its data\n`,
      '',
    ]);
    assert.equal((await signIn(LOGIN.G2, DEMO_PASSWORD)).status, 422);
    const entries = change(
      "select subject_id, json_extract(detail, '$.capacity') as capacity from audit where event = 'person.erased'",
    );
    assert.deepEqual(entries, [{ subject_id: id, capacity: 'operator' }]);
    assert.deepEqual(await run('erase', id, '--confirm'), [
      0,
      `person: account "${id}" does not exist; nothing to delete\n`,
      '',
    ]);
  });

  it('names a login without an account', async () => {
    for (const login of ['unknown.login', '王大明']) {
      const expected = `person: no account with login "${login}"\n`;
      assert.deepEqual(await run('unlock', login), [1, '', expected]);
    }
  });
});
