/** docs/known-clients.md shows the files that the tests of test/clients run. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const DOCS = join(import.meta.dirname, '../../docs');
/** A link with the path as its text, and the code block under it. */
const SHOWN = /\[([\w./-]+)\]\(\1\)\n\n```\w+\n([\s\S]*?)```/g;

describe('docs/known-clients.md', () => {
  const page = readFileSync(join(DOCS, 'known-clients.md'), 'utf8');

  it('shows the files of the tests, unchanged, each under a link to its file', () => {
    const shown = [...page.matchAll(SHOWN)].map(([, path = '', code = '']) => ({ path, code }));
    for (const { path, code } of shown) {
      assert.ok(existsSync(join(DOCS, path)), path);
      assert.equal(code, readFileSync(join(DOCS, path), 'utf8'), path);
    }
    const files = readdirSync(join(DOCS, 'clients')).map((name) => `clients/${name}`);
    const paths = shown.map(({ path }) => path);
    assert.deepEqual(paths.filter((path) => path.startsWith('clients/')).sort(), files.sort());
    assert.equal((page.match(/```/g) ?? []).length, shown.length * 2, 'no other code on the page');
  });

  it('is linked from the README', () => {
    assert.ok(readFileSync(join(DOCS, '../README.md'), 'utf8').includes('(docs/known-clients.md)'));
  });
});
