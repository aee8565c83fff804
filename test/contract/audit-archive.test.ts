/** The archive moves old audit entries to sealed files without loss or change. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';

import type { ChainedEntry } from '../../src/domain/audit-chain.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { readArchives } from '../../src/services/audit/archive-file.ts';
import { createAuditArchive, type AuditArchive } from '../../src/services/audit/archive.ts';
import { createAppend, createHeadSeal } from '../../src/services/audit/audit.ts';
import { verifyAuditLog, type Verification } from '../../src/services/audit/verification.ts';
import { createKeyRing } from '../../src/services/keys/key-ring.ts';
import * as auditStore from '../../src/store/audit.ts';
import type { Store } from '../../src/store/database/index.ts';
import { DAY } from '../helpers/frozen-time.ts';
import { eachStore } from '../helpers/store.ts';

const NOW = Date.UTC(2026, 10, 23);
const RETENTION_DAYS = 30;

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

eachStore('audit archive', (on) => {
  const root = mkdtempSync(join(tmpdir(), 'kinpass-archive-'));
  const folder = join(root, 'archives');
  const secrets = createSecrets(randomBytes(32), systemRandom);
  let now = NOW;
  const clock = { now: (): number => now };
  const append = createAppend({ clock, secrets });
  const archiveOn = (store: Store, to = folder): AuditArchive =>
    createAuditArchive(
      { store, clock, secrets, audit: { append } },
      { folder: to, retentionDays: RETENTION_DAYS },
      { page: 10, file: 40 },
    );

  before(async () => {
    await createKeyRing({ store: on.store, secrets, random: systemRandom, clock, audit: { append } }).load();
  });
  after(() => {
    rmSync(root, { recursive: true });
  });

  /** Age in ms after which entries are archived. */
  const waitForRetention = (): void => {
    now += (RETENTION_DAYS + 1) * DAY;
  };
  const add = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i += 1) {
      const detail = { words: '王小明 \u{1F512}', number: i };
      await on.store.write((tx) => append(tx, { event: 'one.done', outcome: 'ok', actorId: `p${i}`, detail }));
    }
  };
  const verify = (folderToRead?: string, expectedHead?: { seq: number; hash: string }): Promise<Verification> =>
    verifyAuditLog({ store: on.store, secrets }, { folder: folderToRead, expectedHead });
  const rows = (): Promise<ChainedEntry[]> => on.store.read((tx) => auditStore.listEntries(tx, 0, 10_000));
  const archived = (): Promise<ChainedEntry[]> => collect(readArchives(folder, secrets));
  const byHand = (statement: string): Promise<unknown[][]> => on.store.runExclusively((run) => run(statement));
  const isGreen = async (expected: { seq: number; archived: number }): Promise<void> => {
    const { head, ...rest } = await verify(folder);
    assert.deepEqual({ seq: head.seq, ...rest }, { ...expected, archivesFrom: 1 });
    assert.equal((await verify()).head.hash, head.hash);
  };
  let original: ChainedEntry[] = [];

  it('moves entries older than the retention, in files of limited size', async () => {
    await add(95);
    waitForRetention();
    await add(5);
    original = await rows();
    const before = await verify();
    assert.equal(await archiveOn(on.store).moveOld(), 95);
    assert.deepEqual(readdirSync(folder).sort(), [
      'audit-000000000001-000000000040.sealed',
      'audit-000000000041-000000000080.sealed',
      'audit-000000000081-000000000095.sealed',
    ]);
    assert.deepEqual(await archived(), original.slice(0, 95));
    const left = await rows();
    assert.deepEqual(left.slice(0, 5), original.slice(95));
    assert.deepEqual(
      left.slice(5).map(({ event, detail }) => [event, detail['first'], detail['last']]),
      [
        ['audit.archived', 1, 40],
        ['audit.archived', 41, 80],
        ['audit.archived', 81, 95],
      ],
    );
    await isGreen({ seq: 103, archived: 95 });
    assert.equal((await verify(folder, before.head)).head.seq, 103, 'a head that was kept before is still found');
    assert.equal(await archiveOn(on.store).moveOld(), 0);
  });

  it('files are private and sealed', () => {
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    for (const name of readdirSync(folder)) {
      assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
      const text = readFileSync(join(folder, name), 'utf8');
      assert.ok(!text.includes('one.done') && !text.includes('王小明'));
    }
  });

  it('continues after an interruption at every step without losing entries', async () => {
    original = [...original.slice(0, 95), ...(await rows())];
    await add(60);
    original = [...original, ...(await rows()).slice(8)];
    waitForRetention();
    const done = async (): Promise<boolean> => (await rows()).every(({ at }) => at >= now - RETENTION_DAYS * DAY);
    for (let writes = 0; !(await done()); writes += 1) {
      let left = writes;
      const store: Store = {
        ...on.store,
        write: async (fn) => {
          left -= 1;
          if (left === 0) throw new Error('power cut');
          const value = await on.store.write(fn);
          if (left === -1) throw new Error('power cut after the commit');
          return value;
        },
      };
      await archiveOn(store)
        .moveOld()
        .catch((error: unknown) => {
          assert.match(String(error), /power cut/);
        });
      const all = new Map([...(await archived()), ...(await rows())].map((entry) => [entry.seq, entry]));
      for (const entry of original) assert.deepEqual(all.get(entry.seq), entry);
      await verify(folder);
      assert.ok(writes < 30);
    }
    await verify(folder);
  });

  it('is written by one of two concurrent nodes', async () => {
    await add(100);
    waitForRetention();
    const before = (await verify(folder)).head.seq;
    const moved = await Promise.all([archiveOn(on.store).moveOld(), archiveOn(on.store).moveOld()]);
    while ((await archiveOn(on.store).moveOld()) > 0);
    const entries = await archived();
    assert.deepEqual(
      entries.map(({ seq }) => seq),
      Array.from({ length: before }, (_, i) => i + 1),
    );
    assert.ok(moved[0] + moved[1] <= before);
    const { archived: last } = await verify(folder);
    assert.equal(last, before);
  });

  it('verification rejects changed, truncated, exchanged and missing files', async () => {
    const [first = '', second = '', third = ''] = readdirSync(folder).sort();
    const sealed = (name: string): string[] => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n');
    const hands: [string, RegExp, (copy: string) => void][] = [
      [
        'one bit',
        /was changed by hand or is damaged/,
        (copy) => {
          const lines = sealed(first);
          const last = lines.at(-1) ?? '';
          const changed = `${last.slice(0, 40)}${last[40] === 'A' ? 'B' : 'A'}${last.slice(41)}`;
          writeFileSync(join(copy, first), [...lines.slice(0, -1), changed, ''].join('\n'));
        },
      ],
      [
        'a page less',
        /was changed by hand or is damaged/,
        (copy) => {
          writeFileSync(join(copy, first), [...sealed(first).slice(0, -1), ''].join('\n'));
        },
      ],
      [
        'pages in another order',
        /was changed by hand or is damaged/,
        (copy) => {
          const [head = '', one = '', two = '', ...rest] = sealed(first);
          writeFileSync(join(copy, first), [head, two, one, ...rest, ''].join('\n'));
        },
      ],
      [
        'a page of another file',
        /was changed by hand or is damaged/,
        (copy) => {
          const [head = '', , ...rest] = sealed(first);
          writeFileSync(join(copy, first), [head, sealed(second)[1], ...rest, ''].join('\n'));
        },
      ],
      [
        'an empty file',
        /was changed by hand or is damaged/,
        (copy) => {
          writeFileSync(join(copy, first), '');
        },
      ],
      [
        'a missing file',
        /archived entry \d+ does not fit \(sequence\)/,
        (copy) => {
          rmSync(join(copy, second));
        },
      ],
      [
        'a file with another name',
        /was changed by hand or is damaged/,
        (copy) => {
          renameSync(join(copy, third), join(copy, third.replace(/^audit-\d+/, 'audit-000000000001')));
          rmSync(join(copy, first));
          rmSync(join(copy, second));
        },
      ],
      [
        'no file',
        /there is no archive, but \d+ entries were archived/,
        (copy) => {
          for (const name of readdirSync(copy)) rmSync(join(copy, name));
        },
      ],
    ];
    for (const [name, expected, change] of hands) {
      const copy = join(root, 'copy');
      cpSync(folder, copy, { recursive: true });
      change(copy);
      await assert.rejects(verify(copy), expected, name);
      rmSync(copy, { recursive: true });
    }
    const newest = join(root, 'newest');
    cpSync(folder, newest, { recursive: true });
    rmSync(join(newest, first));
    assert.ok(((await verify(newest)).archivesFrom ?? 0) > 1, 'the oldest may be kept elsewhere');
  });

  it('verification rejects an anchor that was moved, removed or copied from the head by hand', async () => {
    const [[seq, hash, mac] = []] = await byHand('select seq, hash, mac from audit_archive');
    const head = await on.store.read((tx) => auditStore.getHead(tx));
    assert.ok(auditStore.isAuthentic(head, createHeadSeal(secrets)));
    const hands: [string, RegExp][] = [
      ['update audit_archive set seq = seq + 1', /the record of the last archived entry was changed by hand/],
      ['update audit_archive set seq = seq - 1', /the record of the last archived entry was changed by hand/],
      [
        `update audit_archive set seq = ${head.seq}, hash = '${head.hash}', mac = '${head.mac}'`,
        /the record of the last archived entry was changed by hand/,
      ],
      ['delete from audit_archive', /entry \d+ does not fit \(sequence\)/],
    ];
    for (const [statement, expected] of hands) {
      await byHand(statement);
      await assert.rejects(verify(), expected, statement);
      if (!statement.startsWith('delete')) await assert.rejects(archiveOn(on.store).moveOld(), expected, statement);
      await byHand('delete from audit_archive');
      await byHand(`insert into audit_archive values (1, ${String(seq)}, '${String(hash)}', '${String(mac)}')`);
    }
    await verify(folder);
  });

  it('deletes partial files of interrupted runs that are too old to be in use', async () => {
    const [old, young] = ['.audit-1-00.partial', '.audit-1-01.partial'].map((name) => join(folder, name));
    assert.ok(old !== undefined && young !== undefined);
    for (const path of [old, young]) writeFileSync(path, 'half');
    // The system sets the times of files: `young` is of now, although the clock of the service is months ahead.
    const twoDaysAgo = (Date.now() - 2 * DAY) / 1000;
    utimesSync(old, twoDaysAgo, twoDaysAgo);
    await archiveOn(on.store).moveOld();
    assert.deepEqual([existsSync(old), existsSync(young)], [false, true]);
    rmSync(young);
    await assert.rejects(verify(join(root, 'nowhere')), /cannot read the folder [^ ]*nowhere$/);
  });

  it('another master key is reported as such, for the log and for the archives', async () => {
    const others = createSecrets(randomBytes(32), systemRandom);
    const read = verifyAuditLog({ store: on.store, secrets: others }, { folder });
    await assert.rejects(read, /this is not the key that the database was sealed with/);
    await assert.rejects(collect(readArchives(folder, others)), /was sealed by another master key/);
    const archive = createAuditArchive(
      { store: on.store, clock, secrets: others, audit: { append } },
      { folder: join(root, 'others'), retentionDays: 1 },
    );
    await assert.rejects(archive.moveOld(), /this is not the key that the database was sealed with/);
  });

  it('does not archive a log that was changed by hand', async () => {
    await add(3);
    waitForRetention();
    const off = on.dialect === 'postgres' ? 'alter table audit disable trigger user' : 'drop trigger audit_no_update';
    await byHand(off);
    const [[last] = []] = await byHand('select max(seq) from audit');
    await byHand(`update audit set actor_id = 'another person' where seq = ${String(last)}`);
    const files = readdirSync(folder);
    const count = (await rows()).length;
    await assert.rejects(archiveOn(on.store).moveOld(), /entry \d+ does not fit \(hash\); run kinpass audit verify/);
    await byHand("update audit_head set hash = 'another'");
    await assert.rejects(
      archiveOn(on.store).moveOld(),
      /audit log: the head was changed by hand; [^;]*; nothing was archived/,
    );
    assert.deepEqual(readdirSync(folder), files);
    assert.equal((await rows()).length, count);
  });
});
