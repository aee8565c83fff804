import type { RowChart, TimeChart } from '../charts.ts';

/** A chart with its summary and its table; the name is the value of `data-chart`. */
export interface ChartLocals {
  /** Unique on the page. */
  id: string;
  name: string;
  title: string;
  /** One sentence with the numbers that matter. */
  summary: string;
  chart: ({ kind: 'time' } & TimeChart) | ({ kind: 'rows' } & RowChart) | undefined;
  /** The names of the series, the lowest part of a column first. */
  legend: readonly string[];
  columns: readonly string[];
  rows: readonly (readonly string[])[];
}

/** The numbers of one scope. */
export interface DashboardLocals {
  id: string;
  title: string;
  charts: readonly ChartLocals[];
}

export interface ConsoleHomeLocals {
  name: string;
  capacities: readonly { capacity: string; school?: string | undefined }[];
  /** `kind`: the path of the list. */
  waiting: readonly { kind: string; count: number; hasMore: boolean }[];
  dashboards: readonly DashboardLocals[];
}
