import { stringify } from 'csv-stringify/sync';
import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { formatOneTimeCode } from '../../domain/credentials/one-time-code.ts';
import type { BulkReport } from '../../services/console/bulk-runs.ts';
import type { HttpDeps } from '../deps.ts';
import { readForm } from '../forms/body.ts';
import { classLine } from './classes.ts';
import { CSV_OPTIONS } from './csv.ts';
import { formatLogin } from './labels.ts';
import { pathIdOf } from './path-id.ts';
import type { SignedInStaff } from './session.ts';

/** Seconds after which the page of a run in progress loads again. */
const REFRESH_SECONDS = 2;

/** `GET /console/bulk/:id`: the dry run, the progress, or the report of a run. */
export async function showBulkRun(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const report = await loadReport(deps, ctx, staff);
  const state = stateOf(report);
  if (state === 'running') ctx.set('refresh', String(REFRESH_SECONDS));
  const counts = { done: 0, requested: 0, failed: 0, pending: 0 };
  for (const row of report.rows) counts[row.state] += 1;
  deps.pages.show(ctx, 'console/bulk', {
    id: report.run.id,
    action: report.run.action,
    class: classLine(deps, ctx, report.schoolClass),
    state,
    counts,
    rows: report.rows.map(({ personId, name, ...row }) => ({ id: personId, name, ...row })),
    isPrintable: report.isPrintable,
    isPrinted: report.run.printedAt !== null,
  });
}

/** `POST /console/bulk/:id`: starts a run after its dry run. A second start changes nothing. */
export async function startBulkRun(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const report = await loadReport(deps, ctx, staff);
  await deps.console.bulkRuns.start(staff.actor, report.run.id);
  ctx.status = 303;
  ctx.redirect(`/console/bulk/${report.run.id}`);
}

/** `GET /console/bulk/:id/report.csv`: one line for each person. */
export async function downloadReport(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const { pages } = deps;
  const { rows } = await loadReport(deps, ctx, staff);
  const head = [pages.t(ctx, 'classView.name'), pages.t(ctx, 'classView.result'), pages.t(ctx, 'classView.why')];
  const lines = rows.map(({ name, state, problem }) => [
    name,
    pages.t(ctx, `classView.rowState.${state}`),
    problem === undefined ? '' : pages.t(ctx, `classView.problem.${problem}`),
  ]);
  ctx.attachment('report.csv');
  ctx.type = 'text/csv; charset=utf-8';
  ctx.set('cache-control', 'no-store');
  ctx.body = stringify([head, ...lines], { ...CSV_OPTIONS, record_delimiter: 'windows' });
}

const slipsForm = z.object({ layout: z.enum(['a6', 'labels']) });

/** `POST /console/bulk/:id/slips`: shows the codes of a run once, as A6 sheets or as labels. */
export async function printSlips(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const { run } = await loadReport(deps, ctx, staff);
  const { layout } = readForm(ctx, slipsForm);
  const printed = await deps.console.bulkRuns.print(staff.actor, run.id);
  if (printed === undefined) {
    ctx.status = 303;
    ctx.redirect(`/console/bulk/${run.id}`);
    return;
  }
  deps.pages.show(ctx, 'console/slips', {
    layout,
    class: classLine(deps, ctx, printed.schoolClass),
    slips: printed.slips.map(({ name, logins, code, expiresAt }) => ({
      name,
      logins: logins.map(formatLogin),
      code: formatOneTimeCode(code),
      expiresAt,
    })),
    signInUrl: `${deps.issuer}/account`,
    backUrl: `/console/bulk/${run.id}`,
  });
}

async function loadReport(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<BulkReport> {
  const report = await deps.console.bulkRuns.load(actor, pathIdOf(ctx));
  if (report === undefined) throw createError(404, 'no such run of this member of staff');
  return report;
}

function stateOf({ run }: BulkReport): 'draft' | 'running' | 'finished' {
  if (run.startedAt === null) return 'draft';
  return run.finishedAt === null ? 'running' : 'finished';
}
