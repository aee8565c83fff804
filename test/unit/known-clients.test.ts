/** Documents that show the files that the tests run: those of test/clients, and of test/ldap. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const DOCS = join(import.meta.dirname, '../../docs');
/** A link with the path as its text, and the code block under it. */
const SHOWN = /\[([\w./-]+)\]\(\1\)\n\n```\w+\n([\s\S]*?)```/g;

const PAGES = [
  { file: 'known-clients.md', folder: 'clients', linkedFrom: '../README.md', link: '(docs/known-clients.md)' },
  {
    file: 'directory-recipes.md',
    folder: 'directory-clients',
    linkedFrom: 'directory.md',
    link: '(directory-recipes.md)',
  },
];

for (const { file, folder, linkedFrom, link } of PAGES)
  describe(`docs/${file}`, () => {
    const page = readFileSync(join(DOCS, file), 'utf8');

    it('shows the files of the tests, unchanged, each under a link to its file', () => {
      const shown = [...page.matchAll(SHOWN)].map(([, path = '', code = '']) => ({ path, code }));
      for (const { path, code } of shown) {
        assert.ok(existsSync(join(DOCS, path)), path);
        assert.equal(code, readFileSync(join(DOCS, path), 'utf8'), path);
      }
      const files = readdirSync(join(DOCS, folder)).map((name) => `${folder}/${name}`);
      const paths = shown.map(({ path }) => path);
      assert.deepEqual(paths.filter((path) => path.startsWith(`${folder}/`)).sort(), files.sort());
      assert.equal((page.match(/```/g) ?? []).length, shown.length * 2, 'no other code on the page');
    });

    it(`is linked from ${linkedFrom.replace('../', '')}`, () => {
      assert.ok(readFileSync(join(DOCS, linkedFrom), 'utf8').includes(link));
    });
  });
