import { and, desc, eq, exists, gt, inArray, isNull, ne, not, sql } from 'drizzle-orm';

import { preparedStatement, type Param, type Transaction } from '../database/index.ts';
import type { GrantRow } from './grants.ts';

/** Maximum number of surplus grants that one transaction revokes. Later transactions revoke the rest. */
const MAX_SURPLUS_ROWS = 1_000;

interface SurplusParams {
  /** A session or a person. */
  owner: string;
  clientId: string;
  grantHash: string;
  now: number;
  /** Number of the other grants that stay. */
  kept: number;
}

function surplusGrants(owner: 'sessionHash' | 'personId', kind: 'offline' | 'online') {
  return preparedStatement(({ db, tables: { grants, oidcRecords } }, param: Param<SurplusParams>) => {
    const isOffline = sql`(' ' || ${grants.scopes} || ' ') like '% offline_access %'`;
    const hasActiveToken = exists(
      db
        .select({ one: sql`1` })
        .from(oidcRecords)
        .where(
          and(
            eq(oidcRecords.grantHash, grants.grantHash),
            inArray(oidcRecords.model, ['AccessToken', 'RefreshToken']),
            eq(oidcRecords.destroyed, false),
            isNull(oidcRecords.consumedAt),
            gt(oidcRecords.expiresAt, param('now')),
          ),
        ),
    );
    return db
      .select({ grantHash: grants.grantHash })
      .from(grants)
      .where(
        and(
          eq(grants[owner], param('owner')),
          eq(grants.clientId, param('clientId')),
          ne(grants.grantHash, param('grantHash')),
          gt(grants.expiresAt, param('now')),
          kind === 'offline' ? isOffline : not(isOffline),
        ),
      )
      .orderBy(desc(hasActiveToken), desc(grants.createdAt), grants.grantHash)
      .limit(MAX_SURPLUS_ROWS)
      .offset(param('kept'));
  });
}

const surplusOfSession = {
  online: surplusGrants('sessionHash', 'online'),
  offline: surplusGrants('sessionHash', 'offline'),
};
const surplusOfPerson = surplusGrants('personId', 'offline');

type NewestGrant = Pick<GrantRow, 'grantHash' | 'personId' | 'clientId' | 'sessionHash'>;

/**
 * Lists the active grants of the session and client of a new grant beyond `limit`, which includes the new one. Grants without an active
 * token come first, because no app uses them, then the oldest. Grants with `offline_access` are counted separately.
 */
export async function listSurplusOfSession(
  tx: Transaction,
  { sessionHash: owner, clientId, grantHash }: NewestGrant,
  isOffline: boolean,
  now: number,
  limit: number,
): Promise<string[]> {
  const list = surplusOfSession[isOffline ? 'offline' : 'online'];
  return (await list(tx, { owner, clientId, grantHash, now, kept: limit - 1 })).map((row) => row.grantHash);
}

/** Lists the active grants with `offline_access` of the person and client of a new grant beyond the newest `limit`. */
export async function listSurplusOfPerson(
  tx: Transaction,
  { personId: owner, clientId, grantHash }: NewestGrant,
  now: number,
  limit: number,
): Promise<string[]> {
  return (await surplusOfPerson(tx, { owner, clientId, grantHash, now, kept: limit - 1 })).map((row) => row.grantHash);
}
