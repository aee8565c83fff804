import { and, eq, gt } from 'drizzle-orm';
import { preparedStatement, type Param, type Transaction } from '../database/index.ts';

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
