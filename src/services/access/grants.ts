import {
  isSessionActive,
  MAX_GRANTS_PER_SESSION_AND_CLIENT,
  MAX_OFFLINE_GRANTS_PER_PERSON_AND_CLIENT,
} from '../../domain/sessions.ts';
import { ConcurrentChangeError } from '../../platform/errors.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { hasConsent } from '../../store/oidc/consents.ts';
import * as grantLimits from '../../store/oidc/grant-limits.ts';
import * as grantStore from '../../store/oidc/grants.ts';
import * as lastContexts from '../../store/oidc/last-contexts.ts';
import type { ClientRegistry } from './client-registry.ts';
import { hasOfflineAccess } from './revocation.ts';

export { grantedContext } from '../../store/oidc/grants.ts';
export type { LastContext } from '../../store/oidc/last-contexts.ts';

/**
 * Returns true if the tokens of a grant are valid: its session is active, or it has `offline_access`.
 *
 * @param now ms
 */
export function isGrantActive({ grant, session }: grantStore.GrantWithSession, now: number): boolean {
  if (hasOfflineAccess(grant)) return true;
  // Read from the session row: the provider's record is absent for a moment while another tab rotates the session id.
  return isSessionActive(session, now);
}

/** Finds the context that the person selected last at this client: a preselection, never a right. */
export function findLastContext(
  store: Store,
  personId: string,
  clientId: string,
): Promise<lastContexts.LastContext | undefined> {
  return store.read((tx) => lastContexts.findLastContext(tx, personId, clientId));
}

/**
 * Stores a grant, and revokes the oldest ones beyond the limits. Does not notify relying parties: the newer grants belong to the same
 * session there. Call it after the session is written: the lock on its row makes parallel requests of one session count one by one.
 *
 * @param needsConsent false for first-party apps
 * @throws {ConcurrentChangeError} if the person removed the app, or the bureau disabled it, after the prompts were checked
 */
export async function storeGrant(
  tx: Transaction,
  clients: Pick<ClientRegistry, 'lockEnabled'>,
  {
    grant,
    last,
    needsConsent,
  }: { grant: grantStore.NewGrant; last: lastContexts.LastContext | undefined; needsConsent: boolean },
): Promise<void> {
  const { personId, clientId, scopes, createdAt } = grant;
  if (!(await clients.lockEnabled(tx, clientId))) throw new ConcurrentChangeError();
  if (
    needsConsent &&
    !(await hasConsent(
      tx,
      personId,
      clientId,
      scopes.split(' ').filter((scope) => scope !== ''),
    ))
  )
    throw new ConcurrentChangeError();
  await grantStore.insertGrant(tx, grant);
  await revokeSurplus(tx, grant, createdAt);
  if (last !== undefined) await lastContexts.upsertLastContext(tx, personId, clientId, last);
}

async function revokeSurplus(tx: Transaction, grant: grantStore.NewGrant, now: number): Promise<void> {
  const isOffline = hasOfflineAccess(grant);
  const ofSession = await grantLimits.listSurplusOfSession(
    tx,
    grant,
    isOffline,
    now,
    MAX_GRANTS_PER_SESSION_AND_CLIENT,
  );
  const ofPerson = isOffline
    ? await grantLimits.listSurplusOfPerson(tx, grant, now, MAX_OFFLINE_GRANTS_PER_PERSON_AND_CLIENT)
    : [];
  await grantStore.revokeGrants(tx, [...new Set([...ofSession, ...ofPerson])].sort());
}
