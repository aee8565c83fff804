import { and, eq, sql } from 'drizzle-orm';

import { preparedStatement, type Param, type Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

/** The context that a person selected last at a client. */
export type LastContext = Pick<Tables['lastContexts']['$inferSelect'], 'role' | 'schoolCode' | 'childId'>;

/** Finds the last context of a person at a client. It only preselects a choice and grants nothing. */
export async function findLastContext(
  tx: Transaction,
  personId: string,
  clientId: string,
): Promise<LastContext | undefined> {
  const lastContexts = tx.tables.lastContexts;
  const [row] = await tx.db
    .select({ role: lastContexts.role, schoolCode: lastContexts.schoolCode, childId: lastContexts.childId })
    .from(lastContexts)
    .where(and(eq(lastContexts.personId, personId), eq(lastContexts.clientId, clientId)));
  return row;
}

const upsertLast = preparedStatement(
  ({ db, tables: { lastContexts } }, param: Param<LastContext & { personId: string; clientId: string }>) =>
    db
      .insert(lastContexts)
      .values({
        personId: param('personId'),
        clientId: param('clientId'),
        role: param('role'),
        schoolCode: param('schoolCode'),
        childId: param('childId'),
      })
      .onConflictDoUpdate({
        target: [lastContexts.personId, lastContexts.clientId],
        set: { role: sql`excluded.role`, schoolCode: sql`excluded.school_code`, childId: sql`excluded.child_id` },
      }),
);

export async function upsertLastContext(
  tx: Transaction,
  personId: string,
  clientId: string,
  context: LastContext,
): Promise<void> {
  await upsertLast(tx, { ...context, personId, clientId });
}
