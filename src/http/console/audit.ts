import { Readable } from 'node:stream';
import { stringify } from 'csv-stringify';
import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import type { ChainedEntry } from '../../domain/audit-chain.ts';
import { DYNAMIC_KEYS } from '../../presentation/dynamic-keys.ts';
import type { AuditPage } from '../../services/console/audit-log.ts';
import type { HttpDeps } from '../deps.ts';
import { describeEntries } from './audit-entries.ts';
import { FILTER_NAMES, filterUrl, filterValues, parseFilter } from './audit-filter.ts';
import { CSV_OPTIONS } from './csv.ts';
import { pathIdOf } from './path-id.ts';
import type { SignedInStaff } from './session.ts';

const sequence = z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER).optional().catch(undefined);

/** `GET /console/audit`: the audit log of the city, the newest entries first. `before` continues after a page. */
export async function showAudit(deps: HttpDeps, ctx: Context): Promise<void> {
  const { pages, console: services } = deps;
  const values = filterValues(ctx);
  const { filter, errors } = await parseFilter(deps, ctx, values);
  const isValid = Object.keys(errors).length === 0;
  const page: AuditPage = isValid
    ? await services.auditLog.find(filter, sequence.parse(ctx.query['before']))
    : { entries: [], names: new Map(), next: undefined, searchedTo: undefined };
  const exportUrl = (format: string): string => filterUrl('/console/audit/export', values, { format });
  pages.show(
    ctx,
    'console/audit',
    {
      values,
      errors,
      isFiltered: FILTER_NAMES.some((name) => values[name] !== ''),
      events: DYNAMIC_KEYS['auditViewer.event'].map((name) => name.replace('-', '.')),
      apps: deps.clients.list().map(({ client_id: id }) => ({ id, name: pages.appName(ctx, id) })),
      entries: describeEntries(deps, ctx, page),
      nextUrl: page.next === undefined ? undefined : filterUrl('/console/audit', values, { before: String(page.next) }),
      searchedTo: page.searchedTo,
      csvUrl: exportUrl('csv'),
      jsonUrl: exportUrl('jsonl'),
    },
    isValid ? 200 : 422,
  );
}

const EXPORTS = {
  csv: { type: 'text/csv; charset=utf-8', write: writeCsv },
  jsonl: { type: 'application/jsonl; charset=utf-8', write: writeJsonLines },
} as const;
const format = z.enum(['csv', 'jsonl']);

/** `GET /console/audit/export`: all entries of a filter as a file, without keeping them in memory. */
export async function exportAudit(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const parsed = format.safeParse(ctx.query['format']);
  const { filter, errors } = await parseFilter(deps, ctx, filterValues(ctx));
  if (!parsed.success || Object.keys(errors).length > 0) throw createError(400, 'no such format, or an invalid filter');
  const { type, write } = EXPORTS[parsed.data];
  const by = { actorId: actor.id, address: ctx.ip, format: parsed.data };
  const entries = await deps.console.auditLog.export(filter, by);
  ctx.attachment(`audit.${parsed.data}`);
  ctx.type = type;
  ctx.set('cache-control', 'no-store');
  ctx.body = write(entries);
}

const CSV_COLUMNS = ['seq', 'at', 'event', 'outcome', 'actorId', 'subjectId', 'clientId', 'address', 'detail', 'hash'];

/** Writes CSV for spreadsheets, with one entry in memory. */
export function writeCsv(entries: AsyncIterable<ChainedEntry>): Readable {
  const csv = stringify({ header: true, columns: CSV_COLUMNS, ...CSV_OPTIONS });
  const rows = Readable.from(toRows(entries));
  rows.on('error', (error) => csv.destroy(error));
  csv.on('close', () => rows.destroy());
  return rows.pipe(csv);
}

async function* toRows(entries: AsyncIterable<ChainedEntry>): AsyncGenerator<Record<string, unknown>> {
  for await (const entry of entries) {
    yield { ...entry, at: new Date(entry.at).toISOString(), detail: JSON.stringify(entry.detail) };
  }
}

/** Writes the entries as `kinpass audit export` does. */
function writeJsonLines(entries: AsyncIterable<ChainedEntry>): Readable {
  return Readable.from(toLines(entries));
}

async function* toLines(entries: AsyncIterable<ChainedEntry>): AsyncGenerator<string> {
  for await (const entry of entries) yield `${JSON.stringify(entry)}\n`;
}

/** `GET /console/people/:id/history`: the audit log about one person. */
export async function showHistory(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const id = pathIdOf(ctx);
  const before = sequence.parse(ctx.query['before']);
  const page = await deps.console.auditLog.listHistory(actor, id, before, ctx.ip);
  if (page === undefined) throw createError(404, 'no such person in the scope of this member of staff');
  deps.pages.show(ctx, 'console/history', {
    id,
    name: page.name,
    entries: describeEntries(deps, ctx, page),
    nextUrl: page.next === undefined ? undefined : `/console/people/${id}/history?before=${String(page.next)}`,
  });
}
