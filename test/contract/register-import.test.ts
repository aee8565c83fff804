/** Imports of the register that stop half way: one complete register counts at every moment, and nothing of a stopped one stays. */
import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';

import type { RegisterEntry } from '../../src/domain/binding/register.ts';
import { DAY_MS } from '../../src/domain/duration.ts';
import { importRegister } from '../../src/services/binding/register-import.ts';
import { startPurgeJob } from '../../src/jobs/purge.ts';
import {
  findCurrentImport,
  insertEntries,
  listRegisterEntries,
  startImport,
} from '../../src/store/binding/register.ts';
import { createTestServices, TEST_NOW, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';

const STUDENT_ID = 'Y200200404';
const entriesOf = (name: string, count = 2): RegisterEntry[] =>
  Array.from({ length: count }, (_, at) => ({
    ...{ studentId: STUDENT_ID, guardianId: `Y1006${String(at).padStart(5, '0')}`, name, relation: 'father' },
  }));

eachStore('an import of the register', (on) => {
  let services: TestServices;
  before(() => {
    services = createTestServices(on.store, []);
  });
  beforeEach(() =>
    on.store.write(async (tx) => {
      await tx.db.delete(tx.tables.registerEntries);
      await tx.db.delete(tx.tables.registerImports);
    }),
  );
  /** Lists the hashes of the names in the register of the student. */
  const names = async (): Promise<string[]> => {
    const lookup = services.secrets.mac('national-id-lookup', STUDENT_ID);
    return (await on.store.read((tx) => listRegisterEntries(tx, lookup))).map(({ nameMac }) => nameMac).sort();
  };
  const stored = (): Promise<[number, string[]]> =>
    on.store.read(async (tx) => {
      const imports = await tx.db.select().from(tx.tables.registerImports);
      const entries = await tx.db.select().from(tx.tables.registerEntries);
      return [entries.length, imports.map(({ state }) => state)];
    });
  const fill = (entries: readonly RegisterEntry[]): Promise<void> => importRegister(services, (add) => add(entries));

  it('keeps the former register until its end, and leaves nothing of one that fails', async () => {
    await fill(entriesOf('former'));
    const former = await names();
    const failing = importRegister(services, async (add) => {
      await add(entriesOf('failed', 1));
      assert.deepEqual(await names(), former);
      assert.deepEqual((await stored())[0], 3);
      throw new Error('line 3 is wrong');
    });
    await assert.rejects(failing, /^Error: line 3 is wrong$/);
    assert.deepEqual(await names(), former);
    assert.deepEqual(await stored(), [2, ['current']]);
    await fill(entriesOf('next', 3));
    assert.equal((await names()).length, 3);
    assert.notDeepEqual((await names()).slice(0, 2), former);
    assert.deepEqual(await stored(), [3, ['current']]);
  });

  it('stops an import that is still running, which then changes nothing', async () => {
    const stopped = importRegister(services, async (add) => {
      await add(entriesOf('slow', 1));
      await fill(entriesOf('newer', 3));
      await add(entriesOf('slow again', 1));
    });
    await assert.rejects(stopped, /another import has started/);
    assert.equal((await names()).length, 3);
    assert.deepEqual(await stored(), [3, ['current']]);
    const late = importRegister(services, async (add) => {
      await add(entriesOf('slow', 1));
      await fill(entriesOf('newest'));
    });
    await assert.rejects(late, /another import has started/);
    assert.equal((await names()).length, 2);
    assert.deepEqual(await stored(), [2, ['current']]);
  });

  it('is removed by the next import or the purge job after its process was killed', async () => {
    await fill(entriesOf('former'));
    const current = await on.store.read((tx) => findCurrentImport(tx));
    const kill = (startedAt: number): Promise<void> =>
      on.store.write(async (tx) => {
        const id = `killed ${String(startedAt)}`;
        await startImport(tx, { id, startedAt });
        const hashes = { guardianLookup: 'g', nameMac: 'n', relationMac: 'r' };
        const rows = Array.from({ length: 2_500 }, (_, at) => ({
          importId: id,
          studentLookup: `s${String(at)}`,
          ...hashes,
        }));
        await insertEntries(tx, rows);
      });
    await kill(TEST_NOW - DAY_MS + 1);
    const purge = (): Promise<void> =>
      startPurgeJob({ ...services, clock: { now: () => TEST_NOW }, log: services.capturedLog.log }).stop();
    await purge();
    assert.deepEqual(await stored(), [2_502, ['current', 'running']]);
    await kill(TEST_NOW - DAY_MS - 1);
    await purge();
    assert.deepEqual(await stored(), [2, ['current']]);
    assert.deepEqual(await on.store.read((tx) => findCurrentImport(tx)), current);
    await kill(TEST_NOW);
    await fill(entriesOf('next'));
    assert.deepEqual(await stored(), [2, ['current']]);
  });
});
