import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { GROUPS } from '../../scripts/mutation-groups.ts';

describe('groups of mutation testing', () => {
  const root = join(import.meta.dirname, '../..');

  for (const [group, parts = []] of Object.entries(GROUPS)) {
    it(`name only files that exist: ${group}`, () => {
      const patterns = parts.flatMap(({ sources, tests }) => [...sources, ...tests]);
      assert.deepEqual(
        patterns.filter((pattern) => globSync(pattern, { cwd: root }).length === 0),
        [],
      );
    });
  }

  const FOLDERS = { domain: 'domain', services: '{platform,presentation,services}' } as const;
  for (const [group, folders] of Object.entries(FOLDERS)) {
    it(`names each file of src/${folders} once`, () => {
      const named = (GROUPS[group] ?? []).flatMap(({ sources }) => globSync([...sources], { cwd: root }));
      assert.deepEqual(named.sort(), globSync(`src/${folders}/**/*.ts`, { cwd: root }).sort());
    });
  }
});
