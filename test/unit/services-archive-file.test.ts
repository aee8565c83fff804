/** The files of archived audit entries: what replaces one, and which are read. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';

import type { ChainedEntry } from '../../src/domain/audit-chain.ts';
import { DAY_MS } from '../../src/domain/duration.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { prepareFolder, readArchives, writeArchive } from '../../src/services/audit/archive-file.ts';

const NOW = Date.UTC(2026, 10, 23);
const secrets = createSecrets(randomBytes(32), systemRandom);

const entry = (seq: number, hash = `hash ${String(seq)}`): ChainedEntry => ({
  ...{ seq, at: NOW, event: 'one.done', outcome: 'ok', actorId: null, subjectId: 'p', clientId: null, address: null },
  ...{ detail: { words: '王小明', number: seq, isDone: true }, prevHash: `hash ${String(seq - 1)}`, hash },
});

async function* pagesOf(...pages: ChainedEntry[][]): AsyncGenerator<ChainedEntry[]> {
  for (const page of pages) yield await Promise.resolve(page);
}

describe('files of archived audit entries', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'kinpass-archive-file-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const write = (first: number, ...pages: ChainedEntry[][]): ReturnType<typeof writeArchive> =>
    writeArchive(folder, secrets, first, pagesOf(...pages));
  const readSequence = async (): Promise<number[]> => {
    const found: number[] = [];
    for await (const { seq } of readArchives(folder, secrets)) found.push(seq);
    return found;
  };

  it('replace a file with the same entries, and never one with other entries', async () => {
    const { file } = await write(1, [entry(1), entry(2)], [entry(3)]);
    assert.equal(file.name, 'audit-000000000001-000000000003.sealed');
    await write(1, [entry(1)], [entry(2), entry(3)]);
    const kept = readFileSync(file.path);
    await assert.rejects(
      write(1, [entry(1), entry(2), entry(3, 'hash of a restored log')]),
      /audit-000000000001-000000000003\.sealed holds other entries; was an older backup restored\?/,
    );
    assert.deepEqual(readdirSync(folder), [file.name], 'no partial file is left');
    assert.deepEqual(readFileSync(file.path), kept);
  });

  it('are not written without entries', async () => {
    await assert.rejects(write(1), /there are no entries/);
    await assert.rejects(write(1, [], []), /there are no entries/);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('are read by the numbers in their names, each entry once, and other files are ignored', async () => {
    await write(3, [entry(3), entry(4)]);
    await write(1, [entry(1), entry(2)], [entry(3)]);
    await write(2, [entry(2), entry(3)]);
    for (const name of ['README', 'audit-1-2.sealed', 'audit-000000000001-000000000003.sealed.old'])
      writeFileSync(join(folder, name), 'x');
    assert.deepEqual(await readSequence(), [1, 2, 3, 4]);
  });

  it('that are partial are deleted when they are older than a day', async () => {
    const [older, exact, other] = ['.audit-1-0a.partial', '.audit-1-0b.partial', '.audit-1.partial'];
    for (const [name, at] of [
      [older, NOW - DAY_MS - 1_000],
      [exact, NOW - DAY_MS],
      [other, 0],
    ] as const) {
      writeFileSync(join(folder, name), 'x');
      utimesSync(join(folder, name), at / 1_000, at / 1_000);
    }
    await prepareFolder(folder, NOW);
    assert.deepEqual(readdirSync(folder).sort(), [exact, other].sort());
  });
});
