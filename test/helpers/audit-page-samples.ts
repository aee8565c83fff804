import { WORK_KINDS } from '../../src/domain/binding/family-notices.ts';
import type { AuditPageLocals } from '../../src/presentation/page-locals/audit.ts';
import { horizontalBars, shareLine, stackedColumns } from '../../src/presentation/charts.ts';
import type { DashboardLocals } from '../../src/presentation/page-locals/dashboard.ts';

export function auditSamples(x: string): AuditPageLocals {
  const person = { id: x, name: x };
  const texts = { event: x, text: x, app: x, address: x, details: [x] };
  const entry = { seq: 1, at: 0, isRefused: true, actor: person, subject: person, requestUrl: '/r', ...texts };
  return {
    'console/audit': {
      values: { person: x, actor: x, event: x, school: x, client: x, request: x, from: x, to: x },
      errors: { person: x, from: x },
      isFiltered: true,
      events: ['sign_in.failed'],
      apps: [{ id: x, name: x }],
      entries: [entry],
      nextUrl: '/n',
      searchedTo: 0,
      csvUrl: '/c',
      jsonUrl: '/j',
    },
    'console/audit-verification': {
      state: 'intact',
      startedAt: 0,
      endedAt: 1,
      progress: { verified: 1, total: 2 },
      lastEntry: { seq: 2, hash: x },
      archived: 1,
      problem: x,
    },
    'console/history': { id: x, name: x, entries: [entry], nextUrl: '/n' },
  };
}

export function dashboardSample(x: string): DashboardLocals {
  const common = { title: x, summary: x, columns: [x, x], rows: [[x, x]] };
  const columns = stackedColumns([{ label: x, values: [1, 2] }]);
  const share = shareLine([
    { label: x, share: 0 },
    { label: x, share: 1 },
  ]);
  return {
    id: 'city',
    title: x,
    charts: [
      { ...common, id: 'a', name: 'hours', chart: { kind: 'time', ...columns }, legend: [x, x] },
      { ...common, id: 'b', name: 'accounts', chart: { kind: 'time', ...share }, legend: [] },
      {
        ...common,
        id: 'c',
        name: 'causes',
        chart: { kind: 'rows', ...horizontalBars([{ label: x, value: 1 }]) },
        legend: [],
      },
    ],
  };
}

export const waitingSample = WORK_KINDS.map((kind, at) => ({ kind, count: at, hasMore: at === 1 }));
