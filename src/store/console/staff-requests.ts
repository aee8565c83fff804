import { and, asc, desc, eq, inArray, lt, lte, sql } from 'drizzle-orm';
import type { StaffChangeName } from '../../domain/access/person-actions.ts';
import type { Transaction } from '../database/index.ts';
import type { RequestDecision } from '../schema/console.ts';
import type { Tables } from '../schema/tables.ts';
import type { RequestSearch } from './request-search.ts';

export type { RequestDecision } from '../schema/console.ts';
export type StaffRequestRow = Tables['staffRequests']['$inferSelect'];

export async function insertStaffRequest(
  tx: Transaction,
  request: Omit<StaffRequestRow, 'isOpen' | 'decision' | 'decidedBy' | 'decidedAt'>,
): Promise<void> {
  await tx.db.insert(tx.tables.staffRequests).values({ ...request, isOpen: true });
}

export async function findStaffRequest(tx: Transaction, id: string): Promise<StaffRequestRow | undefined> {
  const { staffRequests } = tx.tables;
  const [row] = await tx.db.select().from(staffRequests).where(eq(staffRequests.id, id));
  return row;
}

/** Finds a request and locks it until the transaction ends, so that no other one closes it. SQLite has one writer and no row locks. */
export async function lockStaffRequest(tx: Transaction, id: string): Promise<StaffRequestRow | undefined> {
  const { staffRequests } = tx.tables;
  const lock = sql.raw(tx.dialect === 'postgres' ? 'for update' : '');
  const [row] = await tx.db
    .select()
    .from(staffRequests)
    .where(sql`${eq(staffRequests.id, id)} ${lock}`);
  return row;
}

/** Returns true if a request for the same action waits at `now` (ms). Call it after `lockPerson`. */
export async function hasOpenRequest(
  tx: Transaction,
  personId: string,
  action: StaffChangeName,
  now: number,
): Promise<boolean> {
  const { staffRequests } = tx.tables;
  const isWaiting = and(
    eq(staffRequests.personId, personId),
    eq(staffRequests.action, action),
    eq(staffRequests.isOpen, true),
    sql`${staffRequests.expiresAt} > ${now}`,
  );
  const rows = await tx.db.select({ id: staffRequests.id }).from(staffRequests).where(isWaiting).limit(1);
  return rows.length > 0;
}

/** Closes a request once. @returns false if it is closed already */
export async function closeStaffRequest(
  tx: Transaction,
  id: string,
  decision: RequestDecision,
  decidedBy: string | undefined,
  now: number,
): Promise<boolean> {
  const { staffRequests } = tx.tables;
  const rows = await tx.db
    .update(staffRequests)
    .set({ isOpen: false, decision, decidedBy: decidedBy ?? null, decidedAt: now })
    .where(and(eq(staffRequests.id, id), eq(staffRequests.isOpen, true)))
    .returning({ id: staffRequests.id });
  return rows.length > 0;
}

/** Closes up to `limit` requests that have expired. @returns their number */
export async function expireStaffRequests(tx: Transaction, now: number, limit: number): Promise<number> {
  const { staffRequests } = tx.tables;
  // All requests wait equally long, so those that expire first were made first.
  const due = tx.db
    .select({ id: staffRequests.id })
    .from(staffRequests)
    .where(and(eq(staffRequests.isOpen, true), lte(staffRequests.expiresAt, now)))
    .orderBy(asc(staffRequests.requestedAt), asc(staffRequests.id))
    .limit(limit);
  const rows = await tx.db
    .update(staffRequests)
    .set({ isOpen: false, decision: 'expired', decidedAt: now })
    .where(and(eq(staffRequests.isOpen, true), inArray(staffRequests.id, due)))
    .returning({ id: staffRequests.id });
  return rows.length;
}

/** Deletes up to `limit` closed requests that were made before `before` (ms). @returns their number */
export async function purgeStaffRequests(tx: Transaction, before: number, limit: number): Promise<number> {
  const { staffRequests } = tx.tables;
  const old = tx.db
    .select({ id: staffRequests.id })
    .from(staffRequests)
    .where(and(eq(staffRequests.isOpen, false), lt(staffRequests.requestedAt, before)))
    .limit(limit);
  const rows = await tx.db
    .delete(staffRequests)
    .where(inArray(staffRequests.id, old))
    .returning({ id: staffRequests.id });
  return rows.length;
}

/** Lists requests, the newest first. */
export function listStaffRequests(
  tx: Transaction,
  { schoolCodes, isOpen, after, limit }: RequestSearch & { isOpen: boolean },
): Promise<StaffRequestRow[]> {
  const { staffRequests } = tx.tables;
  return tx.db
    .select()
    .from(staffRequests)
    .where(
      and(
        schoolCodes && inArray(staffRequests.schoolCode, [...schoolCodes]),
        eq(staffRequests.isOpen, isOpen),
        after && sql`(${staffRequests.requestedAt}, ${staffRequests.id}) < (${after.at}, ${after.id})`,
      ),
    )
    .orderBy(desc(staffRequests.requestedAt), desc(staffRequests.id))
    .limit(limit);
}

/** Lists the newest requests about a person, closed ones included. */
export function listRequestsAbout(tx: Transaction, personId: string, limit: number): Promise<StaffRequestRow[]> {
  const { staffRequests } = tx.tables;
  return tx.db
    .select()
    .from(staffRequests)
    .where(eq(staffRequests.personId, personId))
    .orderBy(desc(staffRequests.requestedAt))
    .limit(limit);
}
