/** Backups are private from the first byte, and a restore accepts only an intact backup of this installation. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { systemClock } from '../../src/domain/clock.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { createAppend } from '../../src/services/audit/audit.ts';
import { createKeyRing } from '../../src/services/keys/key-ring.ts';
import { backup, restoreBackup } from '../../src/services/operations/backup.ts';
import { openStore, type Store, type StoreOptions } from '../../src/store/database/index.ts';
import { runClientTool } from '../../src/store/database/postgres/client-tools.ts';
import { writePrivateFile } from '../../src/store/database/private-file.ts';
import { migrate } from '../../src/store/migrate.ts';
import { insertSchool } from '../../src/store/people/schools.ts';
import { eachStore, createDatabaseLocation } from '../helpers/store.ts';

const NAMES = { code: '000001', name: '一校', nameEn: 'First', type: 'elementary' } as const;
const SCHOOL = { ...NAMES, closedAt: null, district: '', isRegisterChecked: false };
const masterKey = randomBytes(32);
const secrets = createSecrets(masterKey, systemRandom);

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const restoreWith = (key: Buffer, database: StoreOptions, source: string): Promise<void> =>
  restoreBackup({ database, masterKey: key }, source);
const audit = { append: createAppend({ clock: systemClock, secrets }) };
const makeKeys = (store: Store): Promise<unknown> =>
  createKeyRing({ store, secrets, random: systemRandom, clock: systemClock, audit }).load();

async function openMigrated(location: StoreOptions): Promise<Store> {
  const store = await openStore(location);
  await migrate(store);
  return store;
}

function folderOf(): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-backup-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });
  return (name) => join(folder, name);
}

/** Runs the work with this umask. */
async function withUmask<T>(mask: number, work: () => Promise<T>): Promise<T> {
  const before = process.umask(mask);
  try {
    return await work();
  } finally {
    process.umask(before);
  }
}

eachStore('backup and restore', (on) => {
  const at = folderOf();
  before(async () => {
    await makeKeys(on.store);
    await on.store.write((tx) => insertSchool(tx, SCHOOL));
    await backup(on.location, at('first.backup'));
  });

  const emptyPlace = async (work: (location: StoreOptions) => Promise<void>): Promise<void> => {
    const { location, remove } = await createDatabaseLocation(on.dialect);
    try {
      await work(location);
    } finally {
      await remove();
    }
  };
  const schoolsAt = async (location: StoreOptions): Promise<unknown> => {
    const store = await openStore(location);
    assert.deepEqual(await migrate(store), []);
    const schools = await store.read((tx) => tx.db.select().from(tx.tables.schools));
    await store.close();
    return schools;
  };

  it('a backup of a running database contains acknowledged writes and can be restored', async () => {
    await emptyPlace(async (location) => {
      await restoreWith(masterKey, location, at('first.backup'));
      assert.deepEqual(await schoolsAt(location), [SCHOOL]);
    });
  });

  it('neither backup nor restore overwrites an existing file or database', async () => {
    const bytes = readFileSync(at('first.backup'));
    await assert.rejects(backup(on.location, at('first.backup')), /exists already; nothing was written/);
    assert.deepEqual(readFileSync(at('first.backup')), bytes);
    const refused =
      on.dialect === 'sqlite' ? /exists already; nothing was written/ : /is not empty; nothing was written/;
    await assert.rejects(restoreWith(masterKey, on.location, at('first.backup')), refused);
    assert.deepEqual(await on.store.read((tx) => tx.db.select().from(tx.tables.schools)), [SCHOOL]);
  });

  for (const mask of [0o022, 0o000]) {
    it(`only the owner can read a backup and its folder (umask ${mask.toString(8).padStart(3, '0')})`, async () => {
      const folder = at(`of-${mask}`);
      await withUmask(mask, () => backup(on.location, join(folder, 'kinpass.backup')));
      assert.deepEqual([modeOf(folder), modeOf(join(folder, 'kinpass.backup'))], ['700', '600']);
    });
  }

  it('a backup does not follow a symbolic link', async () => {
    for (const [link, target] of [
      ['dangling', at('elsewhere')],
      ['link', at('first.backup')],
    ] as const) {
      symlinkSync(target, at(link));
      await assert.rejects(backup(on.location, at(link)), /exists already/);
    }
    assert.ok(!existsSync(at('elsewhere')));
  });

  it('a backup that fails leaves no file', async () => {
    const nowhere =
      on.dialect === 'sqlite' ? { file: at('nothing.sqlite') } : { url: 'postgres://localhost:1/kinpass' };
    await assert.rejects(
      backup(nowhere, join(at('new-folder'), 'failed.backup')),
      /nothing\.sqlite does not exist; .*nothing was written$|pg_dump failed: .*nothing was written$/,
    );
    assert.ok(!existsSync(at('new-folder')));
  });

  it('a backup that is interrupted leaves no file', async () => {
    if (on.dialect === 'sqlite') return;
    const interrupt = new AbortController();
    const dump = backup(on.location, at('interrupted.backup'), interrupt.signal);
    interrupt.abort();
    await assert.rejects(dump, /pg_dump was interrupted/);
    assert.ok(!existsSync(at('interrupted.backup')) && !existsSync(at('interrupted.backup.partial')));
  });

  it('a restore rejects files that are not an intact Kinpass backup with one line', async () => {
    const own = readFileSync(at('first.backup'));
    const text =
      on.dialect === 'sqlite'
        ? 'create table keys (id text);\n'
        : await runClientTool('pg_restore', ['--file=-', at('first.backup')]);
    const foreign = await foreignBackup(on.dialect, at('foreign.backup'));
    const files: [string, Buffer | string, RegExp][] = [
      ['empty', '', /is not a backup of Kinpass/],
      ['plain.sql', text, /is not a backup of Kinpass/],
      ['start-only', own.subarray(0, 16), /is damaged or cut off|is not a backup of Kinpass/],
      ['half', own.subarray(0, own.length / 2), /is damaged or cut off/],
      ['without-its-last-page', own.subarray(0, own.length - 4_096), /is damaged or cut off/],
      ['without-its-end', own.subarray(0, own.length - 100), /is damaged or cut off/],
      ['foreign', foreign, /is not a backup of Kinpass/],
      [
        'other-engine',
        on.dialect === 'sqlite' ? 'PGDMP\x01\x0e' : 'SQLite format 3\0',
        /holds a (SQLite|PostgreSQL) database: /,
      ],
    ];
    for (const [name, content] of files) writeFileSync(at(name), content);
    await mkdir(at('folder'));
    const refusals = [
      ...files.map(([name, , expected]) => [name, expected] as const),
      ['folder', /is not a file/] as const,
      ['missing', /cannot be read/] as const,
    ];
    await emptyPlace(async (location) => {
      for (const [name, expected] of refusals) {
        await assert.rejects(restoreWith(masterKey, location, at(name)), (error: Error) => {
          assert.match(error.message, /^restore: [^\n]*; nothing was written$/, name);
          assert.match(error.message, expected, name);
          return true;
        });
      }
      await assertEmpty(location);
    });
  });

  it('a backup of a database without keys, before the first start, can be restored', async () => {
    await emptyPlace(async (unstarted) => {
      await (await openMigrated(unstarted)).close();
      await backup(unstarted, at('unstarted'));
    });
    await emptyPlace(async (location) => {
      await restoreWith(masterKey, location, at('unstarted'));
      const store = await openMigrated(location);
      await makeKeys(store);
      await store.close();
    });
  });

  it("a backup of another program's database fails with one line and leaves no file", async () => {
    await emptyPlace(async (location) => {
      const store = await openStore(location);
      await store.runExclusively((run) => run('create table t (x text)'));
      await store.close();
      const expected = /(DATABASE_FILE: \S+|the database) is not a database of Kinpass: .*; nothing was written$/;
      await assert.rejects(backup(location, at('other-program')), expected);
      assert.ok(!existsSync(at('other-program')));
    });
  });

  it('a restore rejects a backup that another master key sealed', async () => {
    await emptyPlace(async (location) => {
      await assert.rejects(
        restoreWith(randomBytes(32), location, at('first.backup')),
        /was sealed by another master key than the one in KINPASS_MASTER_KEY_FILE; nothing was written$/,
      );
      await assertEmpty(location);
    });
  });

  it('a restore rejects a database that is newer than the program', async () => {
    await on.store.runExclusively((run) => run("insert into schema_migrations values ('9999_future', 'x', 0)"));
    await backup(on.location, at('newer.backup'));
    await on.store.runExclusively((run) => run("delete from schema_migrations where tag = '9999_future'"));
    await emptyPlace(async (location) => {
      await assert.rejects(
        restoreWith(masterKey, location, at('newer.backup')),
        /newer than this program: it has 9999_future/,
      );
      await assertEmpty(location);
    });
  });
});

describe('a restored SQLite database', () => {
  const at = folderOf();
  before(async () => {
    const store = await openMigrated({ file: at('original.sqlite') });
    await makeKeys(store);
    await store.close();
    await backup({ file: at('original.sqlite') }, at('kinpass.backup'));
  });

  for (const mask of [0o022, 0o000]) {
    it(`is readable by its owner only, with its log (umask ${mask.toString(8).padStart(3, '0')})`, async () => {
      const file = join(at(`data-${mask}`), 'kinpass.sqlite');
      await withUmask(mask, async () => {
        await restoreWith(masterKey, { file }, at('kinpass.backup'));
        const store = await openStore({ file });
        await store.write((tx) => insertSchool(tx, SCHOOL));
        const names = readdirSync(at(`data-${mask}`)).sort();
        assert.deepEqual(names, ['kinpass.sqlite', 'kinpass.sqlite-shm', 'kinpass.sqlite-wal']);
        for (const name of names) assert.equal(modeOf(join(at(`data-${mask}`), name)), '600', name);
        await store.close();
      });
      assert.equal(modeOf(at(`data-${mask}`)), '700');
    });
  }

  it('is not written next to the log of another database', async () => {
    writeFileSync(at('new.sqlite-wal'), 'frames of another database');
    await assert.rejects(
      restoreWith(masterKey, { file: at('new.sqlite') }, at('kinpass.backup')),
      /new\.sqlite-wal exists already/,
    );
    assert.ok(!existsSync(at('new.sqlite')));
  });

  it('does not contain the bytes of rows that were deleted before the backup', async () => {
    const word = 'a name that was deleted';
    const file = at('deleted.sqlite');
    const store = await openMigrated({ file });
    await store.write((tx) => insertSchool(tx, { ...SCHOOL, name: word }));
    await store.write((tx) => tx.db.delete(tx.tables.schools));
    await store.close();
    await backup({ file }, at('deleted.backup'));
    assert.ok(readFileSync(file).includes(word));
    assert.ok(!readFileSync(at('deleted.backup')).includes(word));
  });
});

describe('a private file', () => {
  const at = folderOf();

  it('is readable by its owner only before the first byte is written', async () => {
    await withUmask(0, () =>
      writePrivateFile(at('file'), (file) => {
        assert.deepEqual([modeOf(at('file')), statSync(at('file')).size], ['600', 0]);
        return file.writeFile('content');
      }),
    );
    assert.equal(readFileSync(at('file'), 'utf8'), 'content');
  });

  it('is deleted when writing fails or other users could read it', async () => {
    const fail = (): Promise<void> => Promise.reject(new Error('disk full'));
    await assert.rejects(writePrivateFile(at('half'), fail), /disk full/);
    await assert.rejects(
      writePrivateFile(at('open'), (file) => file.chmod(0o644)),
      /readable by other users/,
    );
    assert.deepEqual([existsSync(at('half')), existsSync(at('open'))], [false, false]);
  });
});

/** Writes a backup of another program's database that has tables with the same names. */
async function foreignBackup(dialect: 'sqlite' | 'postgres', target: string): Promise<Buffer> {
  const { location, remove } = await createDatabaseLocation(dialect);
  const store = await openStore(location);
  await store.runExclusively(async (run) => {
    await run('create table keys (id text, room text)');
    await run("insert into keys values ('1', 'front')");
    await run('create table schema_migrations (version text)');
    await run("insert into schema_migrations values ('20260101')");
  });
  await store.close();
  await backup(location, target);
  await remove();
  return readFileSync(target);
}

async function assertEmpty(location: StoreOptions): Promise<void> {
  if (location.file !== undefined) {
    assert.ok(!existsSync(location.file));
    return;
  }
  const store = await openStore(location);
  const tables = await store.runExclusively((run) => run("select 1 from pg_tables where schemaname = 'public'"));
  await store.close();
  assert.deepEqual(tables, []);
}
