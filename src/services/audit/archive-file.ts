import { createHash, randomBytes } from 'node:crypto';
import { lstat, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { z } from 'zod';
import { createPrivateFolder } from '../../config/private-folder.ts';
import type { ChainedEntry, ChainHead } from '../../domain/audit-chain.ts';
import { DAY_MS } from '../../domain/duration.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { syncFolder, writePrivateFile } from '../../store/database/private-file.ts';

/*
 * An archive of the audit log is a text file. Its first line is JSON with the format and the fingerprint of the master key; each other line
 * is a page of entries. A page is JSON lines, compressed, and sealed to the first entry of the file and its page number. The file name holds
 * the numbers of the first and last entry.
 */

type ArchiveSecrets = Pick<Secrets, 'seal' | 'openBytes' | 'mac'>;

/** One sealed file of the audit log. */
interface ArchiveFile {
  name: string;
  path: string;
  first: number;
  last: number;
}

const FORMAT = 'kinpass-audit-archive-1';
const FILE_NAME = /^audit-(\d{12})-(\d{12})\.sealed$/;
const PARTIAL_FILE_NAME = /^\.audit-\d+-[0-9a-f]+\.partial$/;
/** Age after which a partial file is deleted, in ms: writing a file takes far less. */
const ABANDONED_MS = DAY_MS;

const header = z.object({ format: z.literal(FORMAT), key: z.string() });
const entrySchema = z.object({
  seq: z.number(),
  at: z.number(),
  event: z.string(),
  outcome: z.string(),
  actorId: z.string().nullable(),
  subjectId: z.string().nullable(),
  clientId: z.string().nullable(),
  address: z.string().nullable(),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  prevHash: z.string(),
  hash: z.string(),
});

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** Returns the fingerprint that distinguishes archives of another master key from damaged ones. */
function fingerprint(secrets: ArchiveSecrets): string {
  return secrets.mac('audit-archive', FORMAT);
}

/**
 * Writes pages of entries to a new file and syncs it to disk. Replaces a file with the same entries, left by an interrupted run.
 *
 * @returns the file, and the SHA-256 of its bytes in hex
 * @throws {Error} if a file with this name holds other entries
 */
export async function writeArchive(
  folder: string,
  secrets: ArchiveSecrets,
  first: number,
  pages: AsyncIterable<readonly ChainedEntry[]>,
): Promise<{ file: ArchiveFile; sha256: string }> {
  const partial = join(folder, `.audit-${first}-${randomBytes(8).toString('hex')}.partial`);
  const hash = createHash('sha256');
  let head: ChainHead | undefined;
  await writePrivateFile(partial, async (handle) => {
    const line = (text: string): Promise<void> => writeLine(handle, hash, text);
    await line(JSON.stringify({ format: FORMAT, key: fingerprint(secrets) }));
    let place = 0;
    for await (const page of pages) {
      const text = page.map((entry) => `${JSON.stringify(entry)}\n`).join('');
      await line(secrets.seal('audit-archive', `${first}:${place}`, await compress(text)));
      place += 1;
      head = page.at(-1) ?? head;
    }
  });
  try {
    if (head === undefined) throw new Error('audit archive: there are no entries');
    const file = archiveFile(folder, first, head.seq);
    await assertSameEntries(file, secrets, head);
    await rename(partial, file.path);
    await syncFolder(folder);
    const stored = await lastOf(file, secrets);
    if (stored.hash !== head.hash) throw new Error(`audit archive: ${file.name} does not hold what was written`);
    return { file, sha256: hash.digest('hex') };
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function writeLine(handle: FileHandle, hash: { update(text: string): unknown }, text: string): Promise<void> {
  hash.update(`${text}\n`);
  await handle.appendFile(`${text}\n`);
}

function archiveFile(folder: string, first: number, last: number): ArchiveFile {
  const name = `audit-${[first, last].map((seq) => String(seq).padStart(12, '0')).join('-')}.sealed`;
  return { name, path: join(folder, name), first, last };
}

async function assertSameEntries(file: ArchiveFile, secrets: ArchiveSecrets, head: ChainHead): Promise<void> {
  const existing = await lstat(file.path).catch(() => undefined);
  if (existing === undefined || (await lastOf(file, secrets)).hash === head.hash) return;
  throw new Error(`audit archive: ${file.name} holds other entries; was an older backup restored? move the file away`);
}

async function lastOf(file: ArchiveFile, secrets: ArchiveSecrets): Promise<ChainHead> {
  let last: ChainHead | undefined;
  for await (const entry of readArchive(file, secrets)) last = entry;
  if (last === undefined) throw new Error(`audit archive: ${file.name} is empty`);
  return last;
}

/** Lists the archives in a folder in the order of their entries. */
async function listArchives(folder: string): Promise<ArchiveFile[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new Error(`audit archive: cannot read the folder ${folder}`, { cause });
  });
  const files = names.flatMap((name) => {
    const [, first, last] = FILE_NAME.exec(name) ?? [];
    return first === undefined ? [] : [{ name, path: join(folder, name), first: Number(first), last: Number(last) }];
  });
  return files.sort((a, b) => a.first - b.first || a.last - b.last);
}

/** Creates a missing folder, accessible to this user only, and deletes partial files of interrupted runs. */
export async function prepareFolder(folder: string, now: number): Promise<void> {
  createPrivateFolder(folder);
  for (const path of (await readdir(folder))
    .filter((name) => PARTIAL_FILE_NAME.test(name))
    .map((name) => join(folder, name))) {
    const { mtimeMs } = await lstat(path);
    if (now - mtimeMs > ABANDONED_MS) await rm(path);
  }
}

/**
 * Reads the entries of one archive page by page.
 *
 * @throws {Error} if the archive was sealed by another master key, changed or truncated
 */
async function* readArchive(file: ArchiveFile, secrets: ArchiveSecrets): AsyncGenerator<ChainedEntry> {
  const { name, path, first, last } = file;
  const damaged = (cause?: unknown): Error =>
    new Error(`audit archive: ${name} was changed by hand or is damaged`, { cause });
  const handle = await open(path);
  try {
    let place = -1;
    let seq = first - 1;
    for await (const line of handle.readLines({ autoClose: false })) {
      if (place < 0) {
        assertSameKey(name, line, secrets, damaged);
      } else {
        const page = await decryptPage(secrets, `${first}:${place}`, line).catch((cause: unknown) => {
          throw damaged(cause);
        });
        yield* page;
        seq = page.at(-1)?.seq ?? seq;
      }
      place += 1;
    }
    if (seq !== last) throw damaged();
  } finally {
    await handle.close();
  }
}

function assertSameKey(name: string, line: string, secrets: ArchiveSecrets, damaged: (cause?: unknown) => Error): void {
  const parsed = header.safeParse(parseJson(line));
  if (!parsed.success) throw damaged(parsed.error);
  if (parsed.data.key !== fingerprint(secrets)) {
    throw new Error(`audit archive: ${name} was sealed by another master key than the one in KINPASS_MASTER_KEY_FILE`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function decryptPage(secrets: ArchiveSecrets, row: string, sealed: string): Promise<ChainedEntry[]> {
  const text = (await decompress(secrets.openBytes('audit-archive', row, sealed))).toString('utf8');
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => entrySchema.parse(JSON.parse(line)));
}

/** Reads the entries of all archives in a folder, each once: an interrupted run can leave a file that overlaps the next one. */
export async function* readArchives(folder: string, secrets: ArchiveSecrets): AsyncGenerator<ChainedEntry> {
  let seq = 0;
  for (const file of await listArchives(folder)) {
    if (file.last <= seq) continue;
    for await (const entry of readArchive(file, secrets)) {
      if (entry.seq > seq) yield entry;
      seq = Math.max(seq, entry.seq);
    }
  }
}
