import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

import { backup, restore } from '../../src/store/database/backup.ts';
import { openStore } from '../../src/store/database/index.ts';
import { migrate } from '../../src/store/migrate.ts';
import { insertSchool } from '../../src/store/schools.ts';
import { eachStore, place } from '../helpers/store.ts';

const SCHOOL = { code: '000001', name: '一校', nameEn: 'First', type: 'elementary' } as const;

eachStore('backup and restore', (on) => {
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-backup-'));
  const target = join(folder, 'kinpass.backup');
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('a backup of a running database holds what was acknowledged, and opens as a new one', async () => {
    await on.store.write((u) => insertSchool(u, SCHOOL));
    await backup(on.location, target);
    const { location, remove } = await place(on.dialect);
    await restore(location, target);
    const restored = await openStore(location);
    try {
      assert.deepEqual(await migrate(restored), []);
      assert.deepEqual(await restored.read((u) => u.db.select().from(u.t.schools)), [SCHOOL]);
    } finally {
      await restored.close();
      await remove();
    }
  });

  it('nothing is overwritten: neither an older backup nor a database that is there', async () => {
    await assert.rejects(backup(on.location, target), /exists already/);
    await assert.rejects(restore(on.location, target), on.dialect === 'sqlite' ? /could not be written/ : /failed/);
    assert.deepEqual(await on.store.read((u) => u.db.select().from(u.t.schools)), [SCHOOL]);
  });
});

describe('restore', () => {
  it('refuses a file that is no whole database', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kinpass-backup-'));
    writeFileSync(join(folder, 'damaged'), 'SQLite format 3\0 and then nothing of the kind');
    await assert.rejects(restore({ file: join(folder, 'new.sqlite') }, join(folder, 'damaged')));
    rmSync(folder, { recursive: true });
  });
});
