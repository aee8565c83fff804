import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { horizontalBars, shareLine, stackedColumns } from '../../src/presentation/charts.ts';

const column = fc.record({
  label: fc.string(),
  values: fc.tuple(fc.nat({ max: 1_000_000 }), fc.nat({ max: 1_000_000 })),
});

describe('charts', () => {
  it('keep stacked columns inside the plot, one part on the other', () => {
    fc.assert(
      fc.property(fc.array(column, { maxLength: 24 }), (columns) => {
        const { bars, left, right, bottom, xTicks, yTicks } = stackedColumns(columns);
        for (const { x, y, width, height } of bars) {
          assert.ok(x >= left - 0.1 && x + width <= right + 0.2, `x ${String(x)}`);
          assert.ok(y >= 0 && y + height <= bottom + 0.2, `y ${String(y)}`);
        }
        assert.ok(xTicks.length <= 8);
        assert.ok(yTicks.every(({ label }) => /^\d+$/.test(label)));
      }),
    );
  });

  it('draw parts in proportion to their values', () => {
    const { bars } = stackedColumns([
      { label: '8', values: [30, 10] },
      { label: '9', values: [0, 20] },
    ]);
    assert.deepEqual(
      bars.map(({ series }) => series),
      [0, 1, 1],
    );
    const [low, high, other] = bars;
    assert.ok(low && high && other);
    assert.ok(Math.abs(low.height - 3 * high.height) < 0.3);
    assert.ok(Math.abs(other.height - 2 * high.height) < 0.3);
    assert.ok(Math.abs(high.y + high.height - low.y) < 0.2, 'the parts touch');
  });

  it('draw an empty axis without columns and without values', () => {
    assert.deepEqual(stackedColumns([]).bars, []);
    assert.deepEqual(stackedColumns([{ label: '8', values: [0, 0] }]).bars, []);
    assert.equal(shareLine([]).path, undefined);
    assert.deepEqual(horizontalBars([]).rows, []);
  });

  it('draw a line of shares from 0 % to 100 %', () => {
    const { points, path, yTicks } = shareLine([
      { label: '11/26', share: 0 },
      { label: '11/27', share: 1 },
    ]);
    assert.deepEqual(
      points.map(({ y }) => y),
      [yTicks[0]?.position, yTicks.at(-1)?.position],
    );
    assert.match(path ?? '', /^M[\d.,]+L[\d.,]+$/);
    assert.deepEqual(
      yTicks.map(({ label }) => label),
      ['0%', '25%', '50%', '75%', '100%'],
    );
  });

  it('draw bars in proportion to the largest value', () => {
    const { rows, width } = horizontalBars([
      { label: 'a', value: 40 },
      { label: 'b', value: 10 },
    ]);
    assert.deepEqual(
      rows.map(({ barWidth }) => barWidth),
      [width, width / 4],
    );
  });
});
