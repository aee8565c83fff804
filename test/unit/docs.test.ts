import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';

import type { z } from 'zod';

import { withTable } from '../../scripts/settings-table.ts';
import { checkRegistration, clientSchema } from '../../src/config/clients.ts';
import { resourceServerSchema } from '../../src/config/resource-servers.ts';
import { ROLES, SCHOOL_TYPES } from '../../src/domain/model.ts';

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

/** Describes the default of a field as the tables do. */
function describeDefault(field: z.ZodType): string {
  const parsed = field.safeParse(undefined);
  if (!parsed.success) return '**needed**';
  const value: unknown = parsed.data;
  if (value === undefined) return 'none';
  if (Array.isArray(value) && [SCHOOL_TYPES, ROLES].some(({ length }) => length === value.length)) return 'all';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

describe('the documents', () => {
  it('the settings table equals the one that the schema generates', () => {
    const page = readFileSync(join(root, 'docs/operators.md'), 'utf8');
    assert.equal(page, withTable(page), 'run: npm run docs:config');
  });

  const lists: Record<string, Record<string, z.ZodType>> = {
    clients: clientSchema.shape,
    resource_servers: resourceServerSchema.shape,
  };
  for (const [list, shape] of Object.entries(lists)) {
    it(`docs/client-registration.md lists every field of ${list} with its default`, () => {
      const page = readFileSync(join(root, 'docs/client-registration.md'), 'utf8');
      const [, table = ''] = page.split(`<!-- fields of ${list} -->`)[1]?.match(/([^]*?)<!-- end of fields -->/) ?? [];
      const rows = [...table.matchAll(/^\| `(\w+)` +\| [^|]+ \| ([^|]+?) +\|/gm)].map(([, ...cells]) => cells);
      assert.deepEqual(
        rows,
        Object.entries(shape).map(([name, field]) => [name, describeDefault(field)]),
      );
    });
  }

  it('docs/client-registration.md starts with a registration that is valid', () => {
    const page = readFileSync(join(root, 'docs/client-registration.md'), 'utf8');
    const [, json = ''] = /```json\n([^`]+)```/.exec(page) ?? [];
    assert.equal(checkRegistration(JSON.parse(json.replace('the-secret-hash', '0'.repeat(64)))).issues, undefined);
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
