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

  it('draw columns of equal width with their labels below the middle, and ticks of whole numbers', () => {
    const chart = stackedColumns([
      { label: '8', values: [3, 1] },
      { label: '9', values: [2, 0] },
    ]);
    const { width, height, left, right, bottom } = chart;
    assert.deepEqual([width, height, left, right, bottom], [340, 170, 36, 334, 148]);
    // Two columns with a gap of a fifth of their distance on each side: 298 / 2.2 = 135.45 units from one to the next.
    assert.deepEqual(chart.bars, [
      { series: 0, x: 63.1, y: 44.5, width: 108.4, height: 103.5 },
      { series: 0, x: 198.5, y: 79, width: 108.4, height: 69 },
      { series: 1, x: 63.1, y: 10, width: 108.4, height: 34.5 },
    ]);
    assert.deepEqual(chart.xTicks, [
      { position: 117.3, label: '8' },
      { position: 252.7, label: '9' },
    ]);
    assert.deepEqual(chart.yTicks, [
      { position: 148, label: '0' },
      { position: 113.5, label: '1' },
      { position: 79, label: '2' },
      { position: 44.5, label: '3' },
      { position: 10, label: '4' },
    ]);
    assert.deepEqual([chart.path, chart.points], [undefined, []]);
    assert.deepEqual(
      stackedColumns([{ label: '8', values: [1] }]).yTicks.map(({ label }) => label),
      ['0', '1'],
      'no fractions',
    );
    const labelsOf = (count: number): string[] => {
      const columns = Array.from({ length: count }, (_, at) => ({ label: String(at), values: [1] }));
      return stackedColumns(columns).xTicks.map(({ label }) => label);
    };
    assert.deepEqual(labelsOf(8), ['0', '1', '2', '3', '4', '5', '6', '7']);
    assert.deepEqual(labelsOf(9), ['0', '2', '4', '6', '8']);
    assert.deepEqual(labelsOf(24), ['0', '3', '6', '9', '12', '15', '18', '21']);
  });

  it('draw a line between the margins, and one value at its start', () => {
    const line = shareLine([
      { label: '11/25', share: 0.5 },
      { label: '11/26', share: 0.25 },
      { label: '11/27', share: 1 },
    ]);
    assert.deepEqual(line.points, [
      { x: 44, y: 79 },
      { x: 185, y: 113.5 },
      { x: 326, y: 10 },
    ]);
    assert.equal(line.path, 'M44,79L185,113.5L326,10');
    assert.deepEqual(line.bars, []);
    assert.deepEqual(
      line.xTicks,
      [44, 185, 326].map((position, at) => ({ position, label: `11/${String(25 + at)}` })),
    );
    assert.deepEqual(shareLine([{ label: '11/27', share: 0 }]).points, [{ x: 44, y: 148 }]);
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
    const { rows, width, height } = horizontalBars([
      { label: 'a', value: 40 },
      { label: 'b', value: 10 },
    ]);
    assert.deepEqual([width, height], [340, 76]);
    assert.deepEqual(
      rows.map(({ label, value, y }) => [label, value, y]),
      [
        ['a', 40, 0],
        ['b', 10, 38],
      ],
    );
    assert.deepEqual(horizontalBars([{ label: 'none', value: 0 }]).rows[0]?.barWidth, 0);
    assert.deepEqual(
      rows.map(({ barWidth }) => barWidth),
      [width, width / 4],
    );
  });
});
