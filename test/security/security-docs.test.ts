/** The files and tests that docs/security.md names exist. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const docs = join(import.meta.dirname, '../../docs');
const page = readFileSync(join(docs, 'security.md'), 'utf8');
/** The items of the numbered list under the heading. */
const pitfalls =
  /^## Twelve pitfalls[^\n]*\n(.*?)^## /ms
    .exec(page)?.[1]
    ?.split(/^(?=\d+\. )/m)
    .filter((item) => item.trim() !== '') ?? [];

describe('docs/security.md', () => {
  it('lists each of the twelve pitfalls with its source and its test', () => {
    assert.deepEqual(
      pitfalls.map((item) => Number(/^(\d+)\. /.exec(item)?.[1])),
      Array.from({ length: 12 }, (_, i) => i + 1),
    );
    const incomplete = pitfalls.filter((item) => !item.includes('](../src/') || !item.includes('.test.ts)'));
    assert.deepEqual(incomplete, []);
  });

  it('quotes only test titles that exist in the linked file', () => {
    const quotes = [...page.replaceAll(/\s+/g, ' ').matchAll(/“([^”]+)” in \[[^\]]+\]\(([^)]+)\)/g)];
    assert.ok(quotes.length > 20);
    const missing = quotes.filter(([, name = '', file = '']) => !readFileSync(join(docs, file), 'utf8').includes(name));
    assert.deepEqual(
      missing.map(([quote]) => quote),
      [],
    );
  });
});
