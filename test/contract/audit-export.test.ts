import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';

import type { ChainedEntry } from '../../src/domain/audit-chain.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createAppend } from '../../src/services/audit/audit.ts';
import { createAuditArchive, type AuditArchive } from '../../src/services/audit/archive.ts';
import { exportAuditLog } from '../../src/services/audit/export.ts';
import { createKeyRing } from '../../src/services/keys/key-ring.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import * as auditStore from '../../src/store/audit.ts';
import { eachStore } from '../helpers/store.ts';
import { DAY } from '../helpers/frozen-time.ts';

eachStore('export of the audit log', (on) => {
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-export-'));
  const secrets = createSecrets(randomBytes(32), systemRandom);
  let now = Date.UTC(2026, 10, 23);
  const clock = { now: (): number => now };
  const audit = { append: createAppend({ clock, secrets }) };
  const archive = (): AuditArchive =>
    createAuditArchive({ store: on.store, clock, secrets, audit }, { folder, retentionDays: 30 });
  const stored = (): Promise<ChainedEntry[]> => on.store.read((tx) => auditStore.listEntries(tx, 0, 1_000));
  const read = async (from?: string): Promise<ChainedEntry[]> => {
    const entries: ChainedEntry[] = [];
    for await (const entry of exportAuditLog({ store: on.store, secrets }, from)) entries.push(entry);
    return entries;
  };
  const add = (count: number): Promise<void> =>
    on.store.write(async (tx) => {
      for (let i = 0; i < count; i += 1) await audit.append(tx, { event: 'one.done', outcome: 'ok' });
    });

  let old: ChainedEntry[];
  before(async () => {
    await createKeyRing({ store: on.store, secrets, random: systemRandom, clock, audit }).load();
    await add(5);
    old = await stored();
    now += 31 * DAY;
    await add(2);
    assert.equal(await archive().moveOld(), old.length);
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('reads the log alone, or the archives and then the log', async () => {
    const left = await stored();
    assert.deepEqual(await read(), left);
    assert.deepEqual(await read(folder), [...old, ...left]);
  });

  it('reads an entry once if an interrupted run left it in the log', async () => {
    const left = await stored();
    const [last] = old.slice(-1);
    assert.ok(last !== undefined);
    await on.store.write((tx) => tx.db.insert(tx.tables.audit).values(last));
    assert.equal((await stored()).length, left.length + 1);
    assert.deepEqual(await read(folder), [...old, ...left]);
  });
});
