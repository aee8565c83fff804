/** Only the user of the service can read the SQLite file, with any umask. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { openStore, type Store } from '../../src/store/database/index.ts';
import { migrate } from '../../src/store/migrate.ts';
import { insertSchool } from '../../src/store/people/schools.ts';

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('the files of a SQLite database', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-mode-'));
  const data = join(folder, 'data');
  let umask: number;
  let store: Store;
  before(async () => {
    umask = process.umask(0);
    store = await openStore({ file: join(data, 'kinpass.db') });
    await migrate(store);
    await store.write((tx) => insertSchool(tx, { code: '000001', name: '一校', nameEn: 'First', type: 'elementary' }));
  });
  after(async () => {
    process.umask(umask);
    await store.close();
    rmSync(folder, { recursive: true });
  });

  it('have mode 600 while the service runs, in a folder of mode 700', () => {
    const modes = Object.fromEntries(readdirSync(data).map((name) => [name, modeOf(join(data, name))]));
    assert.deepEqual(modes, { 'kinpass.db': '600', 'kinpass.db-shm': '600', 'kinpass.db-wal': '600' });
    assert.equal(modeOf(data), '700');
  });
});
