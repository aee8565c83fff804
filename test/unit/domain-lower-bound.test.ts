import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { lowerBound } from '../../src/domain/lower-bound.ts';

describe('the binary search', () => {
  it('finds the first number of a sorted list that is at least the wanted one', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 50 })),
        fc.integer({ min: -1, max: 51 }),
        async (list, wanted) => {
          const sorted = list.sort((a, b) => a - b);
          const expected = sorted.findIndex((value) => value >= wanted);
          const found = await lowerBound(0, sorted.length, (at) => Promise.resolve((sorted[at] ?? 0) >= wanted));
          assert.equal(found, expected === -1 ? sorted.length : expected);
        },
      ),
    );
  });

  it('asks about 24 of ten million numbers', async () => {
    let asked = 0;
    const found = await lowerBound(1, 10_000_001, (at) => {
      asked += 1;
      return Promise.resolve(at >= 7_654_321);
    });
    assert.equal(found, 7_654_321);
    assert.ok(asked <= 24, String(asked));
  });
});
