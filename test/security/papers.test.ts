/** docs/security.md names files and tests: all of them are there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const docs = join(import.meta.dirname, '../../docs');
const page = readFileSync(join(docs, 'security.md'), 'utf8');
const rows = page.split('\n').filter((line) => line.startsWith('| ') && line.includes('.test.ts'));

describe('docs/security.md', () => {
  it('has a row for each of the twelve pitfalls, with its place in the code and its test', () => {
    const numbers = rows.map((row) => Number(/^\| (\d+) +\|/.exec(row)?.[1])).filter((number) => number > 0);
    assert.deepEqual(
      numbers,
      Array.from({ length: 12 }, (_, i) => i + 1),
    );
    const incomplete = rows.filter((row) => /^\| \d/.test(row) && !row.includes('](../src/'));
    assert.deepEqual(incomplete, []);
  });

  it('quotes tests by their names: each is in the file that stands behind it', () => {
    const quotes = [...page.replaceAll(/\s+/g, ' ').matchAll(/“([^”]+)” in \[[^\]]+\]\(([^)]+)\)/g)];
    assert.ok(quotes.length > 20);
    const missing = quotes.filter(([, name = '', file = '']) => !readFileSync(join(docs, file), 'utf8').includes(name));
    assert.deepEqual(
      missing.map(([quote]) => quote),
      [],
    );
  });
});
