import { and, asc, desc, eq, gte, lt, or, sql, type AnyColumn, type SQL } from 'drizzle-orm';
import type { ChainedEntry } from '../../domain/audit-chain.ts';
import type { Transaction } from '../database/index.ts';

/** What the entries have in common; an undefined field matches every entry. */
export interface AuditFilter {
  /** The person whom the event concerns. */
  subjectId: string | undefined;
  actorId: string | undefined;
  /** A complete event or its noun: `sign_in.failed`, `sign_in`. */
  event: string | undefined;
  clientId: string | undefined;
  /** The school of a staff action, or of the person today. */
  schoolCode: string | undefined;
  /** The request, or the first request of the sign-in. */
  requestId: string | undefined;
  /** In ms since 1970; `to` is not included. */
  from: number | undefined;
  to: number | undefined;
}

interface AuditWindow {
  /** The first number of the window. */
  fromSeq: number;
  /** The number after the window. */
  beforeSeq: number;
  limit: number;
  /** The people of the school of the filter, as `listPeopleOfSchool` returns them; empty without such a filter. */
  schoolPeople: readonly string[];
}

/**
 * Lists the newest entries of a window that match. The primary key bounds the cost, and for one person the index of the subject does. There
 * are no other indexes, because each of them would cost every sign-in disk pages.
 */
export function listMatchingEntries(
  tx: Transaction,
  filter: AuditFilter,
  window: AuditWindow,
): Promise<ChainedEntry[]> {
  const { audit } = tx.tables;
  const { subjectId, actorId, event, clientId, from, to } = filter;
  return tx.db
    .select()
    .from(audit)
    .where(
      and(
        gte(audit.seq, window.fromSeq),
        lt(audit.seq, window.beforeSeq),
        subjectId === undefined ? undefined : eq(audit.subjectId, subjectId),
        actorId === undefined ? undefined : eq(audit.actorId, actorId),
        event === undefined ? undefined : matchesEvent(tx, event),
        clientId === undefined ? undefined : eq(audit.clientId, clientId),
        matchesSchool(tx, filter, window.schoolPeople),
        filter.requestId === undefined ? undefined : isOfRequest(tx, filter.requestId),
        from === undefined ? undefined : gte(audit.at, from),
        to === undefined ? undefined : lt(audit.at, to),
      ),
    )
    .orderBy(desc(audit.seq))
    .limit(window.limit);
}

function isOfRequest(tx: Transaction, requestId: string): SQL | undefined {
  return or(hasDetail(tx, 'requestId', requestId), hasDetail(tx, 'signInId', requestId));
}

/** Lists up to `limit` decisions of staff about an application, the oldest first. The index of the subject bounds the cost. */
export async function listReviewEntries(
  tx: Transaction,
  { applicationId, studentId }: { applicationId: string; studentId: string },
  limit: number,
): Promise<ChainedEntry[]> {
  const { audit } = tx.tables;
  const isReview = and(eq(audit.subjectId, studentId), eq(audit.event, 'staff.review_application'));
  const rows = await tx.db
    .select()
    .from(audit)
    .where(and(isReview, hasDetail(tx, 'application', applicationId)))
    .orderBy(desc(audit.seq))
    .limit(limit);
  return rows.reverse();
}

function matchesEvent({ tables: { audit } }: Transaction, event: string): SQL | undefined {
  const noun = `${event}.`;
  return or(eq(audit.event, event), sql`substr(${audit.event}, 1, ${noun.length}) = ${noun}`);
}

function matchesSchool(tx: Transaction, { schoolCode }: AuditFilter, people: readonly string[]): SQL | undefined {
  if (schoolCode === undefined) return undefined;
  return or(hasDetail(tx, 'school', schoolCode), isOneOf(tx, tx.tables.audit.subjectId, people));
}

/** Passes thousands of values as one parameter, because each parameter costs parsing. */
function isOneOf({ dialect }: Transaction, column: AnyColumn, values: readonly string[]): SQL {
  const list = JSON.stringify(values);
  return dialect === 'sqlite'
    ? sql`${column} in (select value from json_each(${list}))`
    : sql`${column} in (select json_array_elements_text(${list}::json))`;
}

/** Compares the stored text, which `JSON.stringify` wrote: quotes inside a value are escaped, so only a field matches. */
function hasDetail({ dialect, tables: { audit } }: Transaction, name: string, value: string): SQL {
  const text = JSON.stringify({ [name]: value }).slice(1, -1);
  return dialect === 'sqlite'
    ? sql`instr(${audit.detail}, ${text}) > 0`
    : sql`position(${text} in ${audit.detail}::text) > 0`;
}

/** Returns the time of the first entry from a number on, in ms; undefined after the last one. */
export async function findTimeFrom(tx: Transaction, seq: number): Promise<number | undefined> {
  const { audit } = tx.tables;
  const [row] = await tx.db
    .select({ at: audit.at })
    .from(audit)
    .where(gte(audit.seq, seq))
    .orderBy(asc(audit.seq))
    .limit(1);
  return row?.at;
}

/** Returns the number of the oldest and of the newest entry; undefined if there is none. */
export async function findSequenceRange(tx: Transaction): Promise<{ first: number; last: number } | undefined> {
  const { audit } = tx.tables;
  const [first] = await tx.db.select({ seq: audit.seq }).from(audit).orderBy(asc(audit.seq)).limit(1);
  const [last] = await tx.db.select({ seq: audit.seq }).from(audit).orderBy(desc(audit.seq)).limit(1);
  return first && last && { first: first.seq, last: last.seq };
}
