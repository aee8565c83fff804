import { and, asc, eq, gt, gte, lte, sql, type AnyColumn, type SQL } from 'drizzle-orm';
import { preparedStatement, type Param, type Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

const afterId = preparedStatement(
  ({ db, tables: { persons } }, param: Param<{ after: string; status: 'active'; kind: 'person'; limit: number }>) =>
    db
      .select({ id: persons.id })
      .from(persons)
      .where(and(gt(persons.id, param('after')), eq(persons.status, param('status')), eq(persons.kind, param('kind'))))
      .orderBy(persons.id)
      .limit(param('limit')),
);

/** Lists up to `limit` active people behind `after`, in the order of their ids. An empty `after` begins. */
export async function listActivePersonIds(tx: Transaction, after: string, limit: number): Promise<string[]> {
  const rows = await afterId(tx, { after, limit, status: 'active', kind: 'person' });
  return rows.map(({ id }) => id);
}

const byNumber = preparedStatement(({ db, tables: { directoryNumbers } }, param: Param<{ number: number }>) =>
  db
    .select({ personId: directoryNumbers.personId })
    .from(directoryNumbers)
    .where(eq(directoryNumbers.number, param('number'))),
);

export async function findPersonIdByNumber(tx: Transaction, number: number): Promise<string | undefined> {
  const [row] = await byNumber(tx, { number });
  return row?.personId;
}

/** A range of an index, both ends included: searchable names, normalized logins, or instants. */
export type PeopleRange =
  { by: 'name' | 'login'; from: string; to: string } | { by: 'created' | 'modified'; from: number; to: number };

/** Above every character of a text, so that a prefix is a range of the index. */
const LAST_CHARACTER = '\u{10FFFF}';

/** Returns the range of the texts that begin with a prefix. */
export function prefixRange(prefix: string): { from: string; to: string } {
  return { from: prefix, to: prefix + LAST_CHARACTER };
}

/** Lists the ids of up to `limit` people of a range by its index, in any order. An id may occur twice. */
export async function listIdsOfRange(tx: Transaction, range: PeopleRange, limit: number): Promise<string[]> {
  const { table, id, key, kinds } = columnsOf(tx, range);
  const rows = await tx.db
    .select({ id: sql<string>`${id}` })
    .from(table)
    .where(and(...kinds, gte(key, range.from), lte(key, range.to)))
    .limit(limit);
  return rows.map((row) => row.id);
}

/**
 * Lists the ids behind `after` of up to `limit` people of a range, in the order of their ids.
 *
 * @param size `small`: reads the whole range by its index. `large`: reads people in the order of their ids until it has enough.
 */
export async function listIdsInOrder(
  tx: Transaction,
  range: PeopleRange,
  { after, limit, size }: { after: string; limit: number; size: 'small' | 'large' },
): Promise<string[]> {
  // SQLite has no statistics: it always takes the index of the range and sorts. The sign excludes that index.
  const sign = tx.dialect === 'sqlite' && size === 'large' ? '+' : '';
  const { table, id, key, kinds } = columnsOf(tx, range, sign);
  const value = sql`${sql.raw(sign)}${key}`;
  const rows = await tx.db
    .selectDistinct({ id: sql<string>`${id}` })
    .from(table)
    .where(and(gt(id, after), ...kinds, sql`${value} >= ${range.from}`, sql`${value} <= ${range.to}`))
    .orderBy(asc(id))
    .limit(limit);
  return rows.map((row) => row.id);
}

interface RangeColumns {
  table: Tables['persons'] | Tables['identifiers'];
  id: AnyColumn;
  key: AnyColumn;
  /** Conditions on the logins that count. */
  kinds: readonly SQL[];
}

function columnsOf({ tables: { persons, identifiers } }: Transaction, { by }: PeopleRange, sign = ''): RangeColumns {
  if (by === 'login') {
    const kind = sql`${sql.raw(sign)}${identifiers.kind}`;
    const kinds = [sql`${kind} in ('account', 'email', 'mobile')`, eq(identifiers.scope, '')];
    return { table: identifiers, id: identifiers.personId, key: identifiers.value, kinds };
  }
  const key = { name: persons.nameSearch, created: persons.createdAt, modified: persons.updatedAt }[by];
  return { table: persons, id: persons.id, key, kinds: [] };
}
