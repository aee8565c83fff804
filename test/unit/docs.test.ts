import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';

import { withTable } from '../../scripts/settings-table.ts';

const root = join(import.meta.dirname, '../..');
const pages = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'config/conformance',
  'docs',
  'docs/decisions',
  'examples',
  'examples/portfolio',
  'examples/payment',
].flatMap((place) =>
  place.endsWith('.md')
    ? [place]
    : readdirSync(join(root, place))
        .filter((name) => name.endsWith('.md'))
        .map((name) => join(place, name)),
);

describe('the documents', () => {
  it('the settings table equals the one that the schema generates', () => {
    const page = readFileSync(join(root, 'docs/operators.md'), 'utf8');
    assert.equal(page, withTable(page), 'run: npm run docs:config');
  });

  for (const page of pages) {
    it(`${page} has no broken relative links`, () => {
      const text = readFileSync(join(root, page), 'utf8');
      const links = [...text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link);
      const missing = links.filter((link) => !/^https?:/.test(link) && !existsSync(join(root, dirname(page), link)));
      assert.deepEqual(missing, []);
    });
  }
});
