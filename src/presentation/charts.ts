import { scaleBand, scaleLinear } from 'd3-scale';
import { line, stack } from 'd3-shape';

/*
 * The geometry of the charts in SVG units. The templates draw it, so that every text is escaped. A unit is about a pixel on a phone. Series
 * differ by lightness and pattern, not only by color.
 */

const WIDTH = 340;
const HEIGHT = 170;
const MARGIN = { top: 10, right: 6, bottom: 22, left: 36 } as const;
/** Labels below a chart that fit without overlapping. */
const MAX_LABELS = 8;
const ROW_HEIGHT = 38;

interface Tick {
  position: number;
  label: string;
}

/** Columns or a line over an axis of time. */
export interface TimeChart {
  width: number;
  height: number;
  left: number;
  right: number;
  bottom: number;
  xTicks: readonly Tick[];
  yTicks: readonly Tick[];
  /** `series`: 0 is the lowest part of a column. */
  bars: readonly { series: number; x: number; y: number; width: number; height: number }[];
  /** The `d` of the line; undefined for columns. */
  path: string | undefined;
  points: readonly { x: number; y: number }[];
}

/** Lays out columns with stacked parts. @param values the parts of each column, the lowest first */
export function stackedColumns(columns: readonly { label: string; values: readonly number[] }[]): TimeChart {
  const { right, bottom } = plotArea();
  const x = scaleBand<number>()
    .domain(columns.map((_, at) => at))
    .range([MARGIN.left, right])
    .padding(0.2);
  const parts = columns[0]?.values.map((_, part) => part) ?? [];
  const layers = stack<unknown, (typeof columns)[number], number>()
    .keys(parts)
    .value(({ values }, part) => values[part] ?? 0)([...columns]);
  const highest = Math.max(0, ...columns.map(({ values }) => values.reduce((sum, value) => sum + value, 0)));
  const y = countScale(highest, bottom);
  const bars = layers.flatMap((layer) =>
    layer.map(([from, to], at) => ({
      series: layer.key,
      x: round(x(at) ?? 0),
      y: round(y(to)),
      width: round(x.bandwidth()),
      height: round(y(from) - y(to)),
    })),
  );
  const labels = columns.map(({ label }, at) => ({ position: round((x(at) ?? 0) + x.bandwidth() / 2), label }));
  return {
    ...frame(),
    xTicks: someOf(labels),
    yTicks: y
      .ticks(4)
      .filter(Number.isInteger)
      .map((value) => ({ position: round(y(value)), label: String(value) })),
    bars: bars.filter(({ height }) => height > 0),
    path: undefined,
    points: [],
  };
}

/** Lays out a line of shares from 0 to 1. */
export function shareLine(values: readonly { label: string; share: number }[]): TimeChart {
  const { right, bottom } = plotArea();
  const x = scaleLinear()
    .domain([0, Math.max(1, values.length - 1)])
    .range([MARGIN.left + 8, right - 8]);
  const y = scaleLinear().domain([0, 1]).range([bottom, MARGIN.top]);
  const points = values.map(({ share }, at) => ({ x: round(x(at)), y: round(y(share)) }));
  const draw = line<{ x: number; y: number }>()
    .x((point) => point.x)
    .y((point) => point.y);
  return {
    ...frame(),
    xTicks: someOf(values.map(({ label }, at) => ({ position: round(x(at)), label }))),
    yTicks: [0, 0.25, 0.5, 0.75, 1].map((share) => ({ position: round(y(share)), label: `${String(share * 100)}%` })),
    bars: [],
    path: draw(points) ?? undefined,
    points,
  };
}

/** Rows with a label above each bar, which leaves room for long names on a phone. */
export interface RowChart {
  width: number;
  height: number;
  rows: readonly { label: string; value: number; y: number; barWidth: number }[];
}

/** Lays out one bar for each value. */
export function horizontalBars(values: readonly { label: string; value: number }[]): RowChart {
  const x = scaleLinear()
    .domain([0, Math.max(1, ...values.map(({ value }) => value))])
    .range([0, WIDTH]);
  return {
    width: WIDTH,
    height: values.length * ROW_HEIGHT,
    rows: values.map(({ label, value }, at) => ({ label, value, y: at * ROW_HEIGHT, barWidth: round(x(value)) })),
  };
}

/** One bar whose parts lie next to each other, as wide as their share. */
export interface PartsBar {
  width: number;
  height: number;
  /** `series`: the position of the value. */
  parts: readonly { series: number; x: number; width: number }[];
}

const BAR_HEIGHT = 16;

/** Lays out one bar with a part for each value. A bar without values has no parts. */
export function partsBar(values: readonly number[]): PartsBar {
  const total = values.reduce((sum, value) => sum + value, 0);
  const x = scaleLinear()
    .domain([0, Math.max(1, total)])
    .range([0, WIDTH]);
  const ends = values.map((_, at) => values.slice(0, at + 1).reduce((sum, value) => sum + value, 0));
  const parts = values.map((value, series) => {
    const end = ends[series] ?? 0;
    return { series, x: round(x(end - value)), width: round(x(end) - x(end - value)) };
  });
  return { width: WIDTH, height: BAR_HEIGHT, parts: parts.filter(({ width }) => width > 0) };
}

function plotArea(): { right: number; bottom: number } {
  return { right: WIDTH - MARGIN.right, bottom: HEIGHT - MARGIN.bottom };
}

function frame(): Pick<TimeChart, 'width' | 'height' | 'left' | 'right' | 'bottom'> {
  return { width: WIDTH, height: HEIGHT, left: MARGIN.left, ...plotArea() };
}

function countScale(highest: number, bottom: number) {
  return scaleLinear()
    .domain([0, Math.max(1, highest)])
    .nice(4)
    .range([bottom, MARGIN.top]);
}

/** Leaves out labels so that at most `MAX_LABELS` remain, at equal distances. */
function someOf<T>(labels: readonly T[]): T[] {
  const step = Math.ceil(labels.length / MAX_LABELS);
  return labels.filter((_, at) => at % step === 0);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
