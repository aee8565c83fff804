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

  for (const folder of ['domain', 'services'] as const) {
    it(`names each file of src/${folder} once`, () => {
      const named = (GROUPS[folder] ?? []).flatMap(({ sources }) => globSync([...sources], { cwd: root }));
      assert.deepEqual(named.sort(), globSync(`src/${folder}/**/*.ts`, { cwd: root }).sort());
    });
  }
});
