import { hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import { z } from 'zod';
import {
  parseRegisterRow,
  REGISTER_COLUMNS,
  type RegisterColumn,
  type RegisterEntry,
} from '../../domain/binding/register.ts';
import { codeOf } from '../../store/database/errors.ts';
import type { AddEntries } from './register-import.ts';

/** Characters of a row. Longer rows are no rows of a register. */
const MAX_ROW_LENGTH = 10_000;
/** Problems that one error names. */
const MAX_PROBLEMS = 20;

/** Entries of a file. The key and the line of each one stay in memory, some 500 bytes. */
const MAX_ENTRIES = 1_000_000;
/** Entries that a transaction stores. More keep other writers of SQLite waiting for longer. */
const BATCH_SIZE = 1_000;

export interface RegisterFile {
  entries: number;
  students: number;
  /** Rows that repeat an earlier row. */
  repeated: number;
}

const COLUMNS = ['student_national_id', 'guardian_national_id', 'guardian_name', 'relation'] as const;
const parsedRow = z.object({ record: z.array(z.string()), info: z.object({ lines: z.number() }) });
type ParsedRow = z.infer<typeof parsedRow>;

/**
 * Reads a CSV file of the register as a stream and checks every row.
 *
 * @param today `YYYY-MM-DD` in the city
 * @param add stores a batch of entries; not called after a problem
 * @throws {Error} with the line of each problem, and without personal data
 */
export async function readRegisterFile(file: string, today: string, add: AddEntries): Promise<RegisterFile> {
  const reader = createRowReader(today);
  const parser = parse({ bom: true, info: true, relax_column_count: true, max_record_size: MAX_ROW_LENGTH });
  try {
    await pipeline(createReadStream(file), decodeUtf8, parser, async (rows: AsyncIterable<unknown>) => {
      for await (const row of rows) {
        reader.add(parsedRow.parse(row));
        if (reader.pendingCount() >= BATCH_SIZE) await add(reader.takeEntries());
      }
    });
  } catch (error) {
    throw toFileError(file, error);
  }
  const found = reader.end(file);
  await add(reader.takeEntries());
  return found;
}

/** @throws {TypeError} if the bytes are not UTF-8 */
async function* decodeUtf8(chunks: AsyncIterable<Buffer>): AsyncIterable<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const chunk of chunks) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

/** The messages of the parser quote the row. */
function toFileError(file: string, error: unknown): unknown {
  if (error instanceof CsvError) {
    const at = typeof error['lines'] === 'number' ? `line ${String(error['lines'])}` : 'the file';
    return new Error(`${file}: ${at} is not valid CSV (${error.code})`);
  }
  if (codeOf(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA')
    return new Error(`${file}: the file is not valid UTF-8; save it as CSV UTF-8`, { cause: error });
  return error;
}

interface RowReader {
  add(row: ParsedRow): void;
  /** Returns how many entries can be taken: none after a problem. */
  pendingCount(): number;
  takeEntries(): RegisterEntry[];
  /** @throws {Error} for a file with problems or without rows */
  end(file: string): RegisterFile;
}

function createRowReader(today: string): RowReader {
  const problems: string[] = [];
  let problemCount = 0;
  const report = (text: string): void => {
    problemCount += 1;
    if (problems.length < MAX_PROBLEMS) problems.push(text);
  };
  let columns: ReadonlyMap<RegisterColumn, number> | undefined;
  const known = createKnownEntries();
  let pending: RegisterEntry[] = [];
  let repeated = 0;
  const addRow = (record: readonly string[], line: number, at: ReadonlyMap<RegisterColumn, number>): void => {
    const fields = COLUMNS.map((name) => [name, record[at.get(name) ?? -1] ?? ''] as const);
    const { entry, problems: found } = parseRegisterRow(toRow(fields), today);
    for (const problem of found) report(`line ${String(line)}: ${problem}`);
    if (entry === undefined) return;
    const earlier = known.add(entry, line);
    if (earlier === undefined) pending.push(entry);
    else if (earlier.isEqual) repeated += 1;
    else report(`line ${String(line)}: contradicts line ${String(earlier.line)}, which has the same two people`);
    if (known.entries() > MAX_ENTRIES) throw new Error(`the file has more than ${String(MAX_ENTRIES)} entries`);
  };
  return {
    add: ({ record, info: { lines } }) => {
      if (columns !== undefined) {
        // Without one of the columns, every row would have the same problem.
        if (columns.size === COLUMNS.length && record.some((value) => value.trim() !== ''))
          addRow(record, lines, columns);
        return;
      }
      columns = columnsOf(record, report);
    },
    pendingCount: () => (problemCount === 0 ? pending.length : 0),
    takeEntries: () => {
      const taken = pending;
      pending = [];
      return taken;
    },
    end: (file) => {
      if (problemCount === 0 && known.entries() === 0) report('the file has no rows');
      if (problemCount === 0) return { entries: known.entries(), students: known.students(), repeated };
      const more = problemCount - problems.length;
      const rest = more === 0 ? [] : [`and ${String(more)} more`];
      throw new Error([...problems, ...rest].map((text) => `${file}: ${text}`).join('\n'));
    },
  };
}

interface KnownEntries {
  /** @returns the earlier entry of the same two people */
  add(entry: RegisterEntry, line: number): { line: number; isEqual: boolean } | undefined;
  entries(): number;
  students(): number;
}

/** Remembers the line of every entry, and a hash in place of the name and relation. */
function createKnownEntries(): KnownEntries {
  const lines = new Map<string, number>();
  const hashes = new Map<string, number>();
  const students = new Set<string>();
  return {
    add: ({ studentId, guardianId, name, relation }, line) => {
      const key = studentId + guardianId;
      const digest = hash('sha256', `${relation} ${name}`, 'buffer').readUIntBE(0, 6);
      const earlier = lines.get(key);
      if (earlier !== undefined) return { line: earlier, isEqual: hashes.get(key) === digest };
      students.add(studentId);
      lines.set(key, line);
      hashes.set(key, digest);
      return undefined;
    },
    entries: () => lines.size,
    students: () => students.size,
  };
}

function toRow(fields: readonly (readonly [RegisterColumn, string])[]): Record<RegisterColumn, string> {
  const row = { student_national_id: '', guardian_national_id: '', guardian_name: '', relation: '' };
  for (const [name, value] of fields) row[name] = value;
  return row;
}

/** Finds the columns of the header, in any order. Other columns are not read. */
function columnsOf(header: readonly string[], report: (problem: string) => void): Map<RegisterColumn, number> {
  const names = header.map((name) => name.normalize('NFKC').trim());
  const found = new Map<RegisterColumn, number>();
  for (const column of COLUMNS) {
    const at = names.findIndex((name) => name === column || name === REGISTER_COLUMNS[column]);
    if (at < 0) report(`line 1: the column ${column} (${REGISTER_COLUMNS[column]}) is missing`);
    else found.set(column, at);
  }
  return found;
}
