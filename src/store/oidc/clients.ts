import { and, asc, count, eq, gt, isNotNull, isNull, sql } from 'drizzle-orm';

import { preparedStatement, type Param, type Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

/** A relying party that was registered in the console. */
export type ClientRow = Tables['clients']['$inferSelect'];
type NewClientRow = Pick<ClientRow, 'clientId' | 'registration' | 'secretHash' | 'createdAt' | 'updatedAt'> &
  Partial<Pick<ClientRow, 'directorySecretHash'>>;

const state = preparedStatement(({ db, tables: { clients } }, param: Param<{ clientId: string }>) =>
  db
    .select({ version: clients.version, disabledAt: clients.disabledAt })
    .from(clients)
    .where(eq(clients.clientId, param('clientId'))),
);

/** Reads what can change between two requests: one row by its key, without the registration. */
export async function findClientState(
  tx: Transaction,
  clientId: string,
): Promise<Pick<ClientRow, 'version' | 'disabledAt'> | undefined> {
  return (await state(tx, { clientId }))[0];
}

export async function findClient(tx: Transaction, clientId: string): Promise<ClientRow | undefined> {
  const clients = tx.tables.clients;
  return (await tx.db.select().from(clients).where(eq(clients.clientId, clientId)))[0];
}

/** Lists clients by id, after `after`. */
export async function listClients(tx: Transaction, after: string, limit: number): Promise<ClientRow[]> {
  const clients = tx.tables.clients;
  return tx.db.select().from(clients).where(gt(clients.clientId, after)).orderBy(asc(clients.clientId)).limit(limit);
}

export async function listEnabledClients(tx: Transaction): Promise<ClientRow[]> {
  const clients = tx.tables.clients;
  return tx.db.select().from(clients).where(isNull(clients.disabledAt));
}

export async function listRevokingClients(tx: Transaction): Promise<Pick<ClientRow, 'clientId' | 'version'>[]> {
  const clients = tx.tables.clients;
  return tx.db
    .select({ clientId: clients.clientId, version: clients.version })
    .from(clients)
    .where(and(isNotNull(clients.disabledAt), eq(clients.isRevoking, true)));
}

/** Returns a text that differs after each change of any client: rows are only added, and versions only grow. */
export async function findClientsVersion(tx: Transaction): Promise<string> {
  const clients = tx.tables.clients;
  const [row] = await tx.db
    .select({ rows: count(), versions: sql`coalesce(sum(${clients.version}), 0)`.mapWith(Number) })
    .from(clients);
  return `${String(row?.rows ?? 0)} ${String(row?.versions ?? 0)}`;
}

/** @returns false if the id is taken */
export async function insertClientIfAbsent(tx: Transaction, client: NewClientRow): Promise<boolean> {
  const clients = tx.tables.clients;
  const rows = await tx.db
    .insert(clients)
    .values(client)
    .onConflictDoNothing()
    .returning({ clientId: clients.clientId });
  return rows.length > 0;
}

/** Updates a client that still has `version`. @returns false if it was changed meanwhile */
export async function updateClient(
  tx: Transaction,
  { clientId, version }: Pick<ClientRow, 'clientId' | 'version'>,
  values: Partial<Omit<ClientRow, 'clientId' | 'version' | 'createdAt'>> & Pick<ClientRow, 'updatedAt'>,
): Promise<boolean> {
  const clients = tx.tables.clients;
  const rows = await tx.db
    .update(clients)
    .set({ ...values, version: version + 1 })
    .where(and(eq(clients.clientId, clientId), eq(clients.version, version)))
    .returning({ clientId: clients.clientId });
  return rows.length > 0;
}

/** Marks the deletion of the grants of a disabled client as complete. The client itself does not change, so its version stays. */
export async function markRevoked(
  tx: Transaction,
  { clientId, version }: Pick<ClientRow, 'clientId' | 'version'>,
): Promise<void> {
  const clients = tx.tables.clients;
  await tx.db
    .update(clients)
    .set({ isRevoking: false })
    .where(and(eq(clients.clientId, clientId), eq(clients.version, version)));
}

/** Locks a client against a change until the transaction ends. @returns false if it is disabled or absent */
export async function lockEnabledClient(tx: Transaction, clientId: string): Promise<boolean> {
  const clients = tx.tables.clients;
  const lock = sql.raw(tx.dialect === 'postgres' ? 'for share' : '');
  const rows = await tx.db
    .select({ disabledAt: clients.disabledAt })
    .from(clients)
    .where(sql`${eq(clients.clientId, clientId)} ${lock}`);
  return rows[0]?.disabledAt === null;
}
