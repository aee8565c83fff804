/** The number of each person, from which the directory derives `uidNumber`: files belong to it, so it is never used twice. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';

import { eq } from 'drizzle-orm';

import { backup, restoreBackup } from '../../src/services/operations/backup.ts';
import { insertMany } from '../../src/store/database/bulk-insert.ts';
import { openStore } from '../../src/store/database/index.ts';
import { readMigrations } from '../../src/store/migrate.ts';
import { insertPerson } from '../../src/store/people/people.ts';
import { createDatabaseLocation, eachStore } from '../helpers/store.ts';
import { person } from './family.ts';

eachStore('numbers of the directory', (on) => {
  const ids = Array.from({ length: 3 }, (_, at) => `n${String(at)}`);
  const numbers = (): Promise<Map<string, number>> =>
    on.store.read(async ({ db, tables: { directoryNumbers } }) => {
      const rows = await db.select().from(directoryNumbers);
      return new Map(rows.map(({ personId, number }) => [personId, number]));
    });
  const remove = (id: string): Promise<unknown> =>
    on.store.write((tx) => tx.db.delete(tx.tables.persons).where(eq(tx.tables.persons.id, id)));

  it('are given to each person with the insert, and never twice', async () => {
    await on.store.write((tx) =>
      insertMany(
        tx,
        tx.tables.persons,
        ids.map((id) => person(id, id)),
      ),
    );
    const given = await numbers();
    assert.deepEqual([...given.keys()].sort(), ids);
    assert.equal(new Set(given.values()).size, ids.length);
    const highest = Math.max(...given.values());
    const [last = ''] = [...given].find(([, number]) => number === highest) ?? [];
    await remove(last);
    assert.equal((await numbers()).has(last), false);
    await on.store.write((tx) => insertPerson(tx, person(last, last)));
    assert.ok(((await numbers()).get(last) ?? 0) > highest);
  });

  it('are given by the migration to the people of before', async () => {
    await on.store.write((tx) => tx.db.delete(tx.tables.directoryNumbers));
    const migrations = await readMigrations(on.dialect);
    const statements = migrations.flatMap((one) => (one.tag === '0041_directory_numbers' ? one.statements : []));
    const [fill = ''] = statements.filter((one) => /^INSERT INTO/m.test(one));
    await on.store.runExclusively((run) => run(fill));
    assert.deepEqual([...(await numbers()).keys()].sort(), ids);
  });

  it('are not given to a person whose insert was refused', async () => {
    const nationalIdLookup = 'taken';
    await on.store.write((tx) => insertPerson(tx, { ...person('first', 'first'), nationalIdLookup }));
    const before = await numbers();
    await assert.rejects(on.store.write((tx) => insertPerson(tx, { ...person('second', 'second'), nationalIdLookup })));
    assert.deepEqual(await numbers(), before);
  });

  it('stay used in a restored database', async () => {
    await on.store.write((tx) => insertPerson(tx, person('deleted', 'deleted')));
    const used = (await numbers()).get('deleted') ?? Number.NaN;
    await remove('deleted');
    const folder = mkdtempSync(join(tmpdir(), 'kinpass-numbers-'));
    const { location, remove: removeDatabase } = await createDatabaseLocation(on.dialect);
    try {
      await backup(on.location, join(folder, 'backup'));
      await restoreBackup({ database: location, masterKey: randomBytes(32) }, join(folder, 'backup'));
      const restored = await openStore(location);
      await restored.write((tx) => insertPerson(tx, person('new', 'new')));
      const rows = await restored.read(({ db, tables }) =>
        db.select().from(tables.directoryNumbers).where(eq(tables.directoryNumbers.personId, 'new')),
      );
      await restored.close();
      assert.deepEqual(rows, [{ number: used + 1, personId: 'new' }]);
    } finally {
      await removeDatabase();
      rmSync(folder, { recursive: true });
    }
  });
});
