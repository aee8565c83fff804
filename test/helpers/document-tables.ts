/** Tables of the documents, which tests compare with the service. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { isScope, SCOPE_CLAIMS } from '../../src/domain/claims/scopes.ts';

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
