/** kinpass register import: what the file may hold, what is stored, and that a wrong file changes nothing. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import Database from 'better-sqlite3';

import type { RegisterEntry } from '../../src/domain/binding/register.ts';
import { readRegisterFile } from '../../src/services/binding/register-file.ts';
import { createInstallation, runProgram, type Installation } from '../helpers/child-process.ts';

const HEADER = 'student_national_id,guardian_national_id,guardian_name,relation';
const ROW = 'Y200200404,Y100600000,吳大偉,father';
const TODAY = '2026-11-27';

describe('kinpass register import', () => {
  let home: Installation;
  before(async () => {
    home = await createInstallation();
  });
  after(() => {
    home.remove();
  });
  const fileOf = (content: string | Buffer): string => {
    const file = join(home.folder, 'families.csv');
    writeFileSync(file, content);
    return file;
  };
  const run = async (...args: string[]): Promise<[unknown, string, string]> => {
    const program = runProgram(['register', 'import', ...args], home.env);
    return [await program.ended, program.out(), program.err()];
  };
  const query = (sql: string): unknown[] => {
    const database = new Database(home.databaseFile, { readonly: true });
    try {
      return database.prepare(sql).all();
    } finally {
      database.close();
    }
  };
  /** Reads a file of these lines. @returns the entries, or the error without the path */
  const read = async (content: string | Buffer): Promise<string> => {
    const file = fileOf(content);
    try {
      const entries: RegisterEntry[] = [];
      const { repeated } = await readRegisterFile(file, TODAY, (added) => Promise.resolve(void entries.push(...added)));
      return `${JSON.stringify(entries.map(({ guardianId, name, relation }) => [guardianId, name, relation]))} ${String(repeated)}`;
    } catch (error) {
      assert.ok(error instanceof Error);
      return error.message.replaceAll(`${file}: `, '');
    }
  };

  it('replaces the register, stores keyed hashes only and records it', async () => {
    const file = fileOf(`${HEADER}\n${ROW}\nY200200404,Y200600002,林美惠,母\n${ROW}\n`);
    const found = '2 entries of 1 students, 1 repeated rows';
    assert.deepEqual(await run(file, '--dry-run'), [0, `register: ${file} has ${found}; nothing was changed\n`, '']);
    assert.deepEqual(query('select * from register_entries'), []);
    const imported = `register: imported ${found}; the former register was replaced\n`;
    assert.deepEqual(await run(file), [0, imported, '']);
    const stored = JSON.stringify(query('select * from register_entries'));
    assert.equal(query('select * from register_entries').length, 2);
    for (const clear of ['Y200200404', 'Y100600000', '吳大偉', '林美惠', 'father']) assert.ok(!stored.includes(clear));
    const wrong = fileOf(`${HEADER}\n${ROW}\nY200200404,Y100600001,吳大偉,father\n`);
    const expected = `${wrong}: line 3: guardian_national_id is not a valid national ID\n`;
    assert.deepEqual(await run(wrong), [1, '', expected]);
    assert.equal(JSON.stringify(query('select * from register_entries')), stored);
    assert.deepEqual(await run(fileOf(`${HEADER}\nY200300203,Y100600000,吳大偉,father\n`)), [
      0,
      imported.replace(found, '1 entries of 1 students, 0 repeated rows'),
      '',
    ]);
    assert.equal(query('select * from register_entries').length, 1);
    const details = query("select detail from audit where event = 'register.imported' order by seq");
    assert.match(JSON.stringify(details), /"before\\*":0,\\*"after\\*":2.*"before\\*":2,\\*"after\\*":1/);
  });

  it('reads a byte order mark, Chinese headers in any order, quotes, CR LF and full-width input', async () => {
    const chinese = '家長姓名,備註,親屬關係,學生身分證統一編號,家長身分證統一編號';
    const content = `\uFEFF${chinese}\r\n"吳 大偉","a, b\nc",父,ｙ200200404,y100600000\r\n\r\n`;
    assert.equal(await read(content), '[["Y100600000","吳 大偉","father"]] 0');
  });

  it('names the line of each problem and no personal data', async () => {
    const cases: [string | Buffer, string][] = [
      ['', 'the file has no rows'],
      [`${HEADER}\n`, 'the file has no rows'],
      [
        'student_national_id,guardian_name,relation\nY200200404,吳大偉,father\n',
        'line 1: the column guardian_national_id (家長身分證統一編號) is missing',
      ],
      [
        `${HEADER}\n${ROW}\nY200200404,Y100600000,王小明,father\n`,
        'line 3: contradicts line 2, which has the same two people',
      ],
      [`${HEADER}\nY200200404,Y200200404,吳小華,mother\n`, 'line 2: student and guardian have the same national ID'],
      [
        `${HEADER}\nY200200404,Y100600000,"a\0b",father\n`,
        'line 2: guardian_name is empty, too long or has invisible characters',
      ],
      [`${HEADER}\n${ROW}\n"Y2002`, 'line 3 is not valid CSV (CSV_QUOTE_NOT_CLOSED)'],
      [`${HEADER}\n${'x'.repeat(20_000)},1,2,3\n`, 'line 2 is not valid CSV (CSV_MAX_RECORD_SIZE)'],
      [
        Buffer.from([...Buffer.from(`${HEADER}\nY200200404,Y100600000,`), 0xa7, 0x64]),
        'the file is not valid UTF-8; save it as CSV UTF-8',
      ],
    ];
    for (const [content, message] of cases) assert.equal(await read(content), message);
    assert.match(
      await read(`${HEADER}\nY200200404,Y100600000,吳大偉,friend\n`),
      /^line 2: relation must be one of: father, 父/,
    );
    const many = await read(`${HEADER}\n${'1,2,王小明,father\n'.repeat(30)}`);
    assert.match(many, /line 11: .*\nand 40 more$/);
    assert.ok(!many.includes('王小明'));
  });

  it('names a file that does not exist', async () => {
    const [code, , message] = await run(join(home.folder, 'missing.csv'));
    assert.equal(code, 1);
    assert.match(message, /ENOENT.*missing\.csv/);
  });
});
