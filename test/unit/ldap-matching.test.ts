import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { groupEntry } from '../../src/ldap/directory/entries.ts';
import { matches } from '../../src/ldap/directory/matching.ts';
import { createTree } from '../../src/ldap/directory/tree.ts';
import { normalizeDn, parseDn } from '../../src/ldap/dn.ts';
import type { Filter } from '../../src/ldap/protocol.ts';

const tree = createTree('dc=city,dc=example');
const namesOf = (count: number): string[] => Array.from({ length: count }, (_, at) => tree.personName(`x${at}`));
const membersFilter = (kind: 'and' | 'or', names: readonly string[]): Filter => ({
  kind,
  filters: names.map((name) => ({ kind: 'equality', attribute: 'member', value: name.toUpperCase() })),
});

function measure(run: () => void): number {
  const beganAt = performance.now();
  run();
  return performance.now() - beganAt;
}

describe('filters on names', () => {
  it('normalize each member of a group once, not once for each condition', () => {
    const names = namesOf(480);
    const group = groupEntry(tree, 'students', names);
    const match = (): void => {
      assert.ok(matches(membersFilter('and', names), group));
    };
    const normalize = (): void => {
      for (let count = 0; count < 48; count += 1) for (const name of names) normalizeDn(parseDn(name) ?? []);
    };
    const timeOf = (run: () => void): number => Math.min(...Array.from({ length: 3 }, () => measure(run)));
    // All conditions compare 115,440 members.
    assert.ok(timeOf(match) < timeOf(normalize));
  });

  it('match every member of a group with more of them than a filter remembers', () => {
    const names = namesOf(2_100);
    const group = groupEntry(tree, 'students', names);
    const some = [names[0], names[999], names[1_000], names[2_099], names[0]].filter((one) => one !== undefined);
    assert.equal(some.length, 5);
    assert.ok(matches(membersFilter('and', some), group));
    assert.ok(!matches(membersFilter('or', [tree.personName('y')]), group));
  });
});
