import type { Logger } from '../../platform/logger.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as grants from '../../store/oidc/grants.ts';
import * as people from '../../store/people/people.ts';
import type { Audit } from '../audit/audit.ts';

type RevokedGrant = Awaited<ReturnType<typeof grants.revokeGrant>>;

/** Revokes a grant with all its codes and tokens, at the request of the client. */
export async function revokeGrant(store: Store, grantHash: string): Promise<void> {
  const revoke = await prepareRevocation(store, grantHash);
  await store.write(revoke);
}

export interface ReuseDeps {
  store: Store;
  audit: Audit;
  log: Pick<Logger, 'warn'>;
}

/**
 * Revokes the grant of a reused code or refresh token with all its tokens (RFC 6749, section 10.5; RFC 9700, section 4.14.2). The
 * transaction that finds the grant appends the audit entry. So repeated calls, one for each kind of token or from parallel requests, append
 * one entry.
 */
export async function revokeReused(
  { store, audit, log }: ReuseDeps,
  { grantHash, reason, address }: { grantHash: string; reason: string; address: string },
): Promise<void> {
  const revoke = await prepareRevocation(store, grantHash);
  const grant = await audit.recordResult(async (tx) => {
    const revoked = await revoke(tx);
    if (revoked === undefined) return { result: undefined, events: [] };
    const { personId: subjectId, clientId } = revoked;
    const event = { event: 'grant.revoked', outcome: 'refused' as const, subjectId, clientId, address };
    return { result: revoked, events: [{ ...event, detail: { reason } }] };
  });
  if (grant !== undefined) log.warn({ event: 'grant.revoked', reason, clientId: grant.clientId }, 'grant revoked');
}

/** Reads the owner of a grant first, so that the transaction locks the person before the grant. The owner never changes. */
async function prepareRevocation(store: Store, grantHash: string): Promise<(tx: Transaction) => Promise<RevokedGrant>> {
  const found = await store.read((tx) => grants.findGrantWithSession(tx, grantHash));
  return async (tx) => {
    if (found !== undefined) await people.lockPerson(tx, found.grant.personId);
    return grants.revokeGrant(tx, grantHash);
  };
}
