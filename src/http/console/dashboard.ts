import type { Context } from 'koa';
import type { MessageParams } from '../../presentation/i18n.ts';
import type { DASHBOARD_TEXTS } from '../../presentation/text-families.ts';
import type { FailureCause } from '../../domain/usage.ts';
import { horizontalBars, shareLine, stackedColumns } from '../../presentation/charts.ts';
import type { ChartLocals, DashboardLocals } from '../../presentation/page-locals/dashboard.ts';
import {
  MAX_LOCKED,
  SHOWN_DAYS,
  type Dashboard,
  type SignInTotals,
  type UsageNumbers,
} from '../../services/console/dashboard.ts';
import type { HttpDeps } from '../deps.ts';

/** Translates one of the texts. */
type Translate = (key: (typeof DASHBOARD_TEXTS)[number], vars?: MessageParams) => string;
/** A chart before it has the id of its scope. */
type Chart = Omit<ChartLocals, 'id'>;

/** Describes the numbers of a scope as charts with summaries and tables. */
export function describeDashboard(deps: HttpDeps, ctx: Context, dashboard: Dashboard): DashboardLocals {
  const { pages } = deps;
  const { scope, usage } = dashboard;
  const t: Translate = (key, vars) => pages.t(ctx, `dashboard.text.${key}`, { days: SHOWN_DAYS, ...vars });
  const charts: Chart[] = [
    ...(usage === undefined
      ? []
      : [
          hoursChart(t, usage),
          daysChart(t, usage),
          causesChart(t, usage, (cause) => pages.t(ctx, `dashboard.cause.${cause}`)),
        ]),
    accountsChart(t, dashboard),
    ...(usage === undefined ? [] : [clientsChart(t, usage, (id) => pages.appName(ctx, id))]),
    lockedTable(t, dashboard),
    ...(dashboard.mailQueue === undefined ? [] : [mailTable(t, dashboard.mailQueue)]),
  ];
  const id = scope.kind === 'school' ? `school-${scope.school.code}` : scope.kind;
  const title = scope.kind === 'school' ? (pages.schoolName(ctx, scope.school) ?? scope.school.code) : t(scope.kind);
  return { id, title, charts: charts.map((chart) => ({ ...chart, id: `${id}-${chart.name}` })) };
}

function hoursChart(t: Translate, { hours }: UsageNumbers): Chart {
  const labeled = hours.map(({ hour, ...totals }) => ({
    ...totals,
    label: t('hourLabel', { hour }),
    tick: String(hour),
  }));
  return { name: 'hours', title: t('hours'), ...signInColumns(t, t('hour'), labeled) };
}

function daysChart(t: Translate, { days }: UsageNumbers): Chart {
  const labeled = days.map(({ day, ...totals }) => ({ ...totals, label: day, tick: shortDay(day) }));
  return { name: 'days', title: t('days'), ...signInColumns(t, t('day'), labeled) };
}

function signInColumns(
  t: Translate,
  unit: string,
  rows: readonly (SignInTotals & { label: string; tick: string })[],
): Omit<Chart, 'name' | 'title'> {
  const succeeded = rows.reduce((total, row) => total + row.succeeded, 0);
  const failed = rows.reduce((total, row) => total + row.failed, 0);
  const [first, ...others] = rows;
  const peak = others.reduce((best, row) => (best === undefined || totalOf(row) > totalOf(best) ? row : best), first);
  const vars = { succeeded, failed };
  return {
    summary:
      peak === undefined || totalOf(peak) === 0
        ? t('signInSummary', vars)
        : t('peak', { ...vars, label: peak.label, count: totalOf(peak) }),
    chart: {
      kind: 'time',
      ...stackedColumns(rows.map((row) => ({ label: row.tick, values: [row.succeeded, row.failed] }))),
    },
    legend: [t('succeeded'), t('failed')],
    columns: [unit, t('succeeded'), t('failed')],
    rows: rows.map((row) => [row.label, String(row.succeeded), String(row.failed)]),
  };
}

function totalOf({ succeeded, failed }: SignInTotals): number {
  return succeeded + failed;
}

/** Formats `2026-11-27` as `11/27`, for the axis. */
function shortDay(day: string): string {
  return day.slice(5).replace('-', '/');
}

function causesChart(t: Translate, { causes }: UsageNumbers, causeName: (cause: FailureCause) => string): Chart {
  const sorted = [...causes].sort((a, b) => b.count - a.count);
  const named = sorted.map(({ cause, count }) => ({ label: causeName(cause), value: count }));
  const count = causes.reduce((total, one) => total + one.count, 0);
  return {
    name: 'causes',
    title: t('causes'),
    summary: count === 0 ? t('noFailures') : t('causeSummary', { count, cause: named[0]?.label ?? '' }),
    ...rowsOf(named, [t('causeColumn'), t('count')]),
  };
}

function clientsChart(t: Translate, { clients }: UsageNumbers, appName: (id: string) => string): Chart {
  const named = clients.map(({ clientId, count }) => ({ label: appName(clientId), value: count }));
  const [most] = named;
  return {
    name: 'clients',
    title: t('clients'),
    summary: most === undefined ? t('noClients') : t('clientSummary', { app: most.label, count: most.value }),
    ...rowsOf(named, [t('client'), t('count')]),
  };
}

function rowsOf(
  values: readonly { label: string; value: number }[],
  columns: readonly string[],
): Pick<Chart, 'chart' | 'legend' | 'columns' | 'rows'> {
  return {
    chart: values.every(({ value }) => value === 0) ? undefined : { kind: 'rows', ...horizontalBars(values) },
    legend: [],
    columns,
    rows: values.map(({ label, value }) => [label, String(value)]),
  };
}

function accountsChart(t: Translate, { accounts, usage }: Dashboard): Chart {
  const days = usage?.accountDays ?? [];
  const shown = days.length > 0 ? days : accounts === undefined ? [] : [{ day: '', ...accounts }];
  return {
    name: 'accounts',
    title: t('accounts'),
    summary:
      accounts === undefined ? t('noAccounts') : t('accountSummary', { ...accounts, share: percentOf(accounts) }),
    chart:
      days.length < 2
        ? undefined
        : {
            kind: 'time',
            ...shareLine(days.map((day) => ({ label: shortDay(day.day), share: percentOf(day) / 100 }))),
          },
    legend: [],
    columns: [...(usage === undefined ? [] : [t('day')]), t('people'), t('withPassword'), t('share')],
    rows: shown.map(({ day, people, withPassword }) => [
      ...(usage === undefined ? [] : [day]),
      ...[String(people), String(withPassword), `${String(percentOf({ people, withPassword }))}%`],
    ]),
  };
}

function percentOf({ people, withPassword }: { people: number; withPassword: number }): number {
  return people === 0 ? 0 : Math.round((withPassword / people) * 100);
}

function lockedTable(t: Translate, { locked, scope }: Dashboard): Chart {
  const isMore = scope.kind === 'city' && locked >= MAX_LOCKED;
  return {
    name: 'locked',
    title: t('locked'),
    summary: isMore ? t('lockedMany', { count: locked }) : t('lockedSummary', { count: locked }),
    ...{ chart: undefined, legend: [], columns: [t('locked')], rows: [[String(locked)]] },
  };
}

function mailTable(t: Translate, { pending, dead }: { pending: number; dead: number }): Chart {
  return {
    name: 'mail',
    title: t('mail'),
    summary: t('mailSummary', { pending, dead }),
    ...{ chart: undefined, legend: [], columns: [t('state'), t('messages')] },
    rows: [
      [t('pending'), String(pending)],
      [t('dead'), String(dead)],
    ],
  };
}
