import { and, asc, desc, eq, inArray, isNull, lt, lte, ne, sql } from 'drizzle-orm';
import { isWithinValidity } from '../../domain/acting/guardianship.ts';
import type { RequestSearch } from '../console/request-search.ts';
import type { Transaction } from '../database/index.ts';
import { toValidity } from '../people/validity.ts';
import type { Tables } from '../schema/tables.ts';

export type SubjectRequestRow = Tables['subjectRequests']['$inferSelect'];
export type NewSubjectRequest = Tables['subjectRequests']['$inferInsert'];

export async function insertSubjectRequest(tx: Transaction, request: NewSubjectRequest): Promise<void> {
  await tx.db.insert(tx.tables.subjectRequests).values(request);
}

export async function findSubjectRequest(tx: Transaction, id: string): Promise<SubjectRequestRow | undefined> {
  const { subjectRequests } = tx.tables;
  const [row] = await tx.db.select().from(subjectRequests).where(eq(subjectRequests.id, id));
  return row;
}

/** Lists the requests of a person, the newest first. */
export function listRequestsOf(tx: Transaction, personId: string): Promise<SubjectRequestRow[]> {
  const { subjectRequests } = tx.tables;
  return tx.db
    .select()
    .from(subjectRequests)
    .where(eq(subjectRequests.personId, personId))
    .orderBy(desc(subjectRequests.createdAt), desc(subjectRequests.id));
}

/** Returns those of the schools that have a registrar on a day, in the order of their codes. */
export async function listSchoolsWithRegistrar(
  tx: Transaction,
  schoolCodes: readonly string[],
  today: string,
): Promise<string[]> {
  const { memberships } = tx.tables;
  if (schoolCodes.length === 0) return [];
  const rows = await tx.db
    .select()
    .from(memberships)
    .where(
      and(
        inArray(memberships.schoolCode, [...schoolCodes]),
        eq(memberships.role, 'staff'),
        eq(memberships.duty, 'registrar'),
      ),
    );
  const current = rows.filter((row) => isWithinValidity(toValidity(row), today));
  return [...new Set(current.flatMap(({ schoolCode }) => schoolCode ?? []))].sort();
}

export type RequestChange = Partial<
  Pick<
    SubjectRequestRow,
    'state' | 'schoolCode' | 'dueAt' | 'extendedAt' | 'remindedAt' | 'decidedAt' | 'decidedBy' | 'reasonSealed'
  >
>;

/**
 * Changes an open request.
 *
 * @param dueAt the end of the period that the form was shown for: an extension changes it
 * @returns false if a concurrent transaction has closed or extended the request
 */
export async function updateOpenRequest(
  tx: Transaction,
  { id, dueAt }: Pick<SubjectRequestRow, 'id' | 'dueAt'>,
  change: RequestChange,
): Promise<boolean> {
  const { subjectRequests } = tx.tables;
  const rows = await tx.db
    .update(subjectRequests)
    .set(change)
    .where(and(eq(subjectRequests.id, id), eq(subjectRequests.state, 'open'), eq(subjectRequests.dueAt, dueAt)))
    .returning({ id: subjectRequests.id });
  return rows.length > 0;
}

/** Lists up to `limit` open requests that end until `until` (ms) and that staff were not reminded of, the first deadline first. */
export function listDueRequests(tx: Transaction, until: number, limit: number): Promise<SubjectRequestRow[]> {
  const { subjectRequests } = tx.tables;
  const isDue = and(
    eq(subjectRequests.state, 'open'),
    lte(subjectRequests.dueAt, until),
    isNull(subjectRequests.remindedAt),
  );
  return tx.db
    .select()
    .from(subjectRequests)
    .where(isDue)
    .orderBy(asc(subjectRequests.dueAt), asc(subjectRequests.id))
    .limit(limit);
}

/** Marks an open request as reminded. @returns false if it is closed or extended, or another node was faster */
export async function markReminded(
  tx: Transaction,
  { id, dueAt }: Pick<SubjectRequestRow, 'id' | 'dueAt'>,
  now: number,
): Promise<boolean> {
  const { subjectRequests } = tx.tables;
  const isSame = and(eq(subjectRequests.id, id), eq(subjectRequests.dueAt, dueAt));
  const rows = await tx.db
    .update(subjectRequests)
    .set({ remindedAt: now })
    .where(and(isSame, eq(subjectRequests.state, 'open'), isNull(subjectRequests.remindedAt)))
    .returning({ id: subjectRequests.id });
  return rows.length > 0;
}

/** Erases what a person wrote in all requests and the answers, and closes the requests that are open. */
export async function eraseRequestsOf(tx: Transaction, personId: string, now: number): Promise<void> {
  const { subjectRequests } = tx.tables;
  const isOwn = eq(subjectRequests.personId, personId);
  await tx.db.update(subjectRequests).set({ payloadSealed: null, reasonSealed: null }).where(isOwn);
  await tx.db
    .update(subjectRequests)
    .set({ state: 'withdrawn', decidedAt: now })
    .where(and(isOwn, eq(subjectRequests.state, 'open')));
}

/** Lists open requests, the first deadline first, or closed ones, the last deadline first. */
export function listSubjectRequests(
  tx: Transaction,
  { schoolCodes, isOpen, after, limit }: RequestSearch & { isOpen: boolean },
): Promise<SubjectRequestRow[]> {
  const { subjectRequests } = tx.tables;
  const isAfter =
    after &&
    sql`(${subjectRequests.dueAt}, ${subjectRequests.id}) ${sql.raw(isOpen ? '>' : '<')} (${after.at}, ${after.id})`;
  const order = isOpen ? asc : desc;
  return tx.db
    .select()
    .from(subjectRequests)
    .where(
      and(
        schoolCodes && inArray(subjectRequests.schoolCode, [...schoolCodes]),
        isOpen ? eq(subjectRequests.state, 'open') : ne(subjectRequests.state, 'open'),
        isAfter,
      ),
    )
    .orderBy(order(subjectRequests.dueAt), order(subjectRequests.id))
    .limit(limit);
}

/** Deletes up to `limit` requests that were closed before `before` (ms). @returns their number */
export async function purgeSubjectRequests(tx: Transaction, before: number, limit: number): Promise<number> {
  const { subjectRequests } = tx.tables;
  const old = tx.db
    .select({ id: subjectRequests.id })
    .from(subjectRequests)
    .where(
      and(inArray(subjectRequests.state, ['approved', 'declined', 'withdrawn']), lt(subjectRequests.decidedAt, before)),
    )
    .limit(limit);
  const rows = await tx.db
    .delete(subjectRequests)
    .where(inArray(subjectRequests.id, old))
    .returning({ id: subjectRequests.id });
  return rows.length;
}
