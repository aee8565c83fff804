import { and, eq } from 'drizzle-orm';

import { statement, type Param, type Unit } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

/** A scope that a person agreed to give to a client; scopes of APIs are stored as `apiScope` writes them. */
export type ConsentRow = Tables['consents']['$inferSelect'];

const scopes = statement(({ db, t: { consents: c } }, p: Param<{ personId: string; clientId: string }>) =>
  db
    .select({ scope: c.scope })
    .from(c)
    .where(and(eq(c.personId, p('personId')), eq(c.clientId, p('clientId')))),
);

/** Returns true if the person has agreed to every one of these scopes. */
export async function hasConsent(
  tx: Unit,
  personId: string,
  clientId: string,
  wanted: readonly string[],
): Promise<boolean> {
  const given = new Set((await scopes(tx, { personId, clientId })).map(({ scope }) => scope));
  return wanted.every((scope) => given.has(scope));
}

export async function listConsents(tx: Unit, personId: string): Promise<ConsentRow[]> {
  const c = tx.t.consents;
  return tx.db.select().from(c).where(eq(c.personId, personId)).orderBy(c.clientId, c.scope);
}

/** Stores what a person agreed to; a scope that was given before keeps its time. */
export async function insertConsents(
  tx: Unit,
  personId: string,
  clientId: string,
  wanted: readonly string[],
  now: number,
): Promise<void> {
  const rows = wanted.map((scope) => ({ personId, clientId, scope, grantedAt: now }));
  if (rows.length > 0) await tx.db.insert(tx.t.consents).values(rows).onConflictDoNothing();
}

/** @returns how many scopes there were */
export async function deleteConsents(tx: Unit, personId: string, clientId: string): Promise<number> {
  const c = tx.t.consents;
  const ofClient = and(eq(c.personId, personId), eq(c.clientId, clientId));
  return (await tx.db.delete(c).where(ofClient).returning({ scope: c.scope })).length;
}
