import { and, eq } from 'drizzle-orm';

import { preparedStatement, type Param, type Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

/** A scope that a person agreed to give to a client; scopes of APIs are stored as `apiScope` writes them. */
export type ConsentRow = Tables['consents']['$inferSelect'];

const scopes = preparedStatement(({ db, tables: { consents } }, param: Param<{ personId: string; clientId: string }>) =>
  db
    .select({ scope: consents.scope })
    .from(consents)
    .where(and(eq(consents.personId, param('personId')), eq(consents.clientId, param('clientId')))),
);

/** Returns true if the person has agreed to every one of these scopes. */
export async function hasConsent(
  tx: Transaction,
  personId: string,
  clientId: string,
  wanted: readonly string[],
): Promise<boolean> {
  const given = new Set((await scopes(tx, { personId, clientId })).map(({ scope }) => scope));
  return wanted.every((scope) => given.has(scope));
}

export async function listConsents(tx: Transaction, personId: string): Promise<ConsentRow[]> {
  const consents = tx.tables.consents;
  return tx.db
    .select()
    .from(consents)
    .where(eq(consents.personId, personId))
    .orderBy(consents.clientId, consents.scope);
}

/** Stores what a person agreed to; a scope that was given before keeps its time. */
export async function insertConsents(
  tx: Transaction,
  personId: string,
  clientId: string,
  wanted: readonly string[],
  now: number,
): Promise<void> {
  const rows = wanted.map((scope) => ({ personId, clientId, scope, grantedAt: now }));
  if (rows.length > 0) await tx.db.insert(tx.tables.consents).values(rows).onConflictDoNothing();
}

/** @returns how many scopes there were */
export async function deleteConsents(tx: Transaction, personId: string, clientId: string): Promise<number> {
  const consents = tx.tables.consents;
  const ofClient = and(eq(consents.personId, personId), eq(consents.clientId, clientId));
  return (await tx.db.delete(consents).where(ofClient).returning({ scope: consents.scope })).length;
}
