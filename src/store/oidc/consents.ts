import { and, eq } from 'drizzle-orm';

import { preparedStatement, type Param, type Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

/** A scope that a person consented to for a client. Scopes of APIs have the format of `apiScope`. */
type ConsentRow = Tables['consents']['$inferSelect'];

const selectScopes = preparedStatement(
  ({ db, tables: { consents } }, param: Param<{ personId: string; clientId: string }>) =>
    db
      .select({ scope: consents.scope })
      .from(consents)
      .where(and(eq(consents.personId, param('personId')), eq(consents.clientId, param('clientId')))),
);

/** Returns true if the person has consented to all of these scopes. */
export async function hasConsent(
  tx: Transaction,
  personId: string,
  clientId: string,
  requested: readonly string[],
): Promise<boolean> {
  const granted = new Set((await selectScopes(tx, { personId, clientId })).map(({ scope }) => scope));
  return requested.every((scope) => granted.has(scope));
}

export async function listConsents(tx: Transaction, personId: string): Promise<ConsentRow[]> {
  const consents = tx.tables.consents;
  return tx.db
    .select()
    .from(consents)
    .where(eq(consents.personId, personId))
    .orderBy(consents.clientId, consents.scope);
}

/** Stores consent to scopes. A scope that was granted before keeps its time. */
export async function insertConsents(
  tx: Transaction,
  personId: string,
  clientId: string,
  scopes: readonly string[],
  now: number,
): Promise<void> {
  const rows = scopes.map((scope) => ({ personId, clientId, scope, grantedAt: now }));
  if (rows.length > 0) await tx.db.insert(tx.tables.consents).values(rows).onConflictDoNothing();
}

/** Deletes the consent of a person to a client. @returns the number of deleted scopes */
export async function deleteConsents(tx: Transaction, personId: string, clientId: string): Promise<number> {
  const consents = tx.tables.consents;
  const ofClient = and(eq(consents.personId, personId), eq(consents.clientId, clientId));
  return (await tx.db.delete(consents).where(ofClient).returning({ scope: consents.scope })).length;
}
