/** Tables of the documents, which tests compare with the service. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { isScope, SCOPE_CLAIMS } from '../../src/domain/claims/scopes.ts';
import type { Failure } from './failures.ts';

const DOCS = join(import.meta.dirname, '../../docs');

/** Returns the cells of the first table after a line. */
export function rowsAfter(page: string, line: string): string[][] {
  const [, rest = ''] = readFileSync(join(DOCS, page), 'utf8').split(`${line}\n`);
  const [table = ''] = /(?:^ *\|.*\n)+/m.exec(rest) ?? [];
  const lines = table.trim().split('\n').slice(2);
  return lines.map((one) =>
    one
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** Returns the names in a cell. A scope stands for its claims in a cell that says so. */
export function namesIn(cell: string): string[] {
  const names = [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
  if (!cell.startsWith('claims of')) return names;
  return names.flatMap((name): readonly string[] => (isScope(name) ? SCOPE_CLAIMS[name] : []));
}

/** Each row of a table of errors: one or more requests that get its error. */
type ErrorRequests = Readonly<Record<string, (() => Promise<Failure>)[]>>;

/** Asserts that the rows below a heading of docs/errors.md are the errors of the requests, in this order. */
export async function assertErrorTable(heading: string, requests: ErrorRequests): Promise<void> {
  const rows = rowsAfter('errors.md', heading).map((cells) => cells.slice(0, 2).join(' '));
  const found: string[] = [];
  for (const [what, causes] of Object.entries(requests)) {
    const failures: string[] = [];
    for (const cause of causes) failures.push((await cause()).map((text) => `\`${String(text)}\``).join(' '));
    assert.equal(new Set(failures).size, 1, `${what}: ${failures.join(', ')}`);
    found.push(failures[0] ?? '');
  }
  assert.deepEqual(found, rows);
}
