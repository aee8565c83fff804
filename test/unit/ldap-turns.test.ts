import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate, setTimeout } from 'node:timers/promises';

import { createTurns, type Slice } from '../../src/ldap/turns.ts';

/** More than the 10 ms of a slice. */
const LONG_MS = 15;

/** Uses the event loop, as an operation does. */
function block(): void {
  const end = performance.now() + LONG_MS;
  while (performance.now() < end) Math.random();
}

describe('turns of operations', () => {
  it('come in the order of the pauses, one in each iteration of the event loop', async () => {
    const turns = createTurns();
    const order: string[] = [];
    const slices = ['a', 'b', 'c'].map((name) => ({ name, slice: turns.createSlice() }));
    const take = async (name: string, slice: Slice): Promise<void> => {
      await slice.pause();
      order.push(name);
    };
    for (let round = 0; round < 2; round += 1) {
      for (const { slice } of slices) slice.begin();
      block();
      const all = Promise.all(slices.map(({ name, slice }) => take(name, slice)));
      while (order.filter((one) => one === '-').length < slices.length * (round + 1)) {
        await setImmediate();
        order.push('-');
      }
      await all;
    }
    assert.equal(order.join(''), 'a-b-c-a-b-c-');
  });

  it('come first to operations that begin, while many continue', async () => {
    const turns = createTurns();
    const order: string[] = [];
    const long = Array.from({ length: 5 }, () => turns.createSlice());
    for (const slice of long) slice.begin();
    block();
    await Promise.all(
      long.map(async (slice) => {
        await slice.pause();
      }),
    );
    block();
    const all = long.map(async (slice, at) => {
      await slice.pause();
      order.push(String(at));
    });
    const short = turns.createSlice();
    short.begin();
    block();
    await short.pause();
    order.push('short');
    await Promise.all(all);
    assert.ok(order.indexOf('short') <= 1, order.join(' '));
    assert.equal(order.length, long.length + 1);
  });

  it('are not needed before 10 ms, also after a turn', async () => {
    const slice = createTurns().createSlice();
    slice.begin();
    assert.equal(slice.pause(), undefined);
    block();
    await slice.pause();
    assert.equal(slice.pause(), undefined);
  });

  it('count the time of all slices that began in one iteration', async () => {
    const turns = createTurns();
    const [first, second, later] = [turns.createSlice(), turns.createSlice(), turns.createSlice()];
    first.begin();
    block();
    second.begin();
    assert.ok(second.pause() instanceof Promise);
    await setTimeout(1);
    await setImmediate();
    later.begin();
    assert.equal(later.pause(), undefined);
  });
});
