import { z } from 'zod';
import type { Clock } from '../../domain/clock.ts';
import type { Random } from '../../domain/random.ts';
import { isSessionActive } from '../../domain/sessions.ts';
import { openPayload } from '../../platform/crypto/sealed-payload.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { deleteApplicationPasswords } from '../../store/auth/application-passwords.ts';
import * as sessionStore from '../../store/auth/sessions.ts';
import { chunksOf } from '../../store/database/bulk-insert.ts';
import type { Transaction } from '../../store/database/index.ts';
import * as grantStore from '../../store/oidc/grants.ts';
import { destroyByUids, destroyInteractionsOf } from '../../store/oidc/record-revocation.ts';
import * as records from '../../store/oidc/records.ts';
import * as people from '../../store/people/people.ts';
import type { Outbox } from '../notifications/outbox.ts';
import type { ClientRegistry } from './client-registry.ts';
import { createSessionRotation, type RotatedSession, type RotateSession } from './session-rotation.ts';

/**
 * Revokes sessions, grants and tokens in the caller's transaction, together with the logout notices for relying parties. Logout, password
 * change, the account page, operators and the end of a guardianship all use it (docs/claims.md, rule 9).
 */
export interface Revocation {
  /**
   * Revokes sessions with their tokens, and notifies relying parties. The number of statements does not grow with the number of sessions.
   * Call it after `lockPerson`, and list the sessions after that too.
   *
   * @param options.keepOffline keeps grants with `offline_access`
   * @returns the enqueued logout notices
   */
  revokeSessions(
    tx: Transaction,
    personId: string,
    sessionHashes: readonly string[],
    options: { keepOffline: boolean },
  ): Promise<readonly LogoutNotice[]>;
  /**
   * Revokes all sessions, grants, refresh tokens and application passwords of a person. The session `keep` continues under a new id; its refresh tokens are
   * revoked too (OWASP ASVS 5.0, 7.4.3). Call it after `incrementCredentialVersion`.
   *
   * @returns the kept session
   * @throws {ConcurrentChangeError} if that session has ended
   */
  revokeAllOf(tx: Transaction, personId: string, keep?: string): Promise<RotatedSession | undefined>;
  rotateSession: RotateSession;
  /** Revokes grants with their codes and tokens, and notifies each relying party once. */
  revokeGrants(tx: Transaction, grants: readonly grantStore.GrantRow[]): Promise<void>;
}

/** An enqueued logout token. */
export interface LogoutNotice {
  clientId: string;
  /** The id of the outbox job. */
  jobId: string;
}

interface Deps {
  clients: Pick<ClientRegistry, 'find'>;
  outbox: Outbox;
  secrets: Secrets;
  clock: Clock;
  random: Random;
}

const sessionPayload = z.object({
  authorizations: z.record(z.string(), z.object({ sid: z.string().optional() })).optional(),
});

/** A relying party that gets a logout token; without a `sid`, for all sessions of the person there. */
interface Recipient {
  personId: string;
  clientId: string;
  sid: string | undefined;
}

export function createRevocation(deps: Deps): Revocation {
  const { secrets, clock } = deps;
  const rotate = createSessionRotation(deps);
  /** Lists the `sid` of each relying party: by session, then by client. */
  const listSids = async (
    tx: Transaction,
    sessionHashes: readonly string[],
  ): Promise<Map<string, Map<string, string | undefined>>> => {
    const sids = new Map<string, Map<string, string | undefined>>();
    for (const part of chunksOf(sessionHashes)) {
      for (const record of await records.listRecordsByUids(tx, 'Session', part)) {
        sids.set(record.uidHash ?? '', readSessionIds(secrets, record));
      }
    }
    return sids;
  };
  const revokeSessions: Revocation['revokeSessions'] = async (tx, personId, sessionHashes, { keepOffline }) => {
    await sessionStore.markRevoked(tx, sessionHashes, clock.now());
    const sids = [...(await listSids(tx, sessionHashes)).values()];
    const notices = await enqueueLogoutNotices(
      tx,
      deps,
      sids.flatMap((ofSession) => [...ofSession].map(([clientId, sid]) => ({ personId, clientId, sid }))),
    );
    const grants = await grantStore.listGrantsBySessions(tx, sessionHashes);
    await revokeGrantRows(tx, keepOffline ? grants.filter((grant) => !hasOfflineAccess(grant)) : grants);
    for (const part of chunksOf(sessionHashes)) await destroyByUids(tx, 'Session', part);
    return notices;
  };
  return {
    revokeSessions,
    rotateSession: rotate,
    revokeAllOf: async (tx, personId, keep) => {
      await revokeAccessWithoutSession(tx, personId);
      const open = await sessionStore.listOpenSessionsByPerson(tx, personId);
      const kept = open.find((session) => session.sessionHash === keep && isSessionActive(session, clock.now()));
      const others = open.filter((session) => session !== kept).map(({ sessionHash }) => sessionHash);
      await revokeSessions(tx, personId, others, { keepOffline: false });
      // These grants belong to ended sessions, whose relying parties were notified then, or to the kept session.
      const remaining = await grantStore.listGrantsByPerson(tx, personId);
      await revokeGrantRows(
        tx,
        remaining.filter((grant) => grant.sessionHash !== kept?.sessionHash || hasOfflineAccess(grant)),
      );
      return kept === undefined ? undefined : rotate(tx, kept.sessionHash);
    },
    revokeGrants: async (tx, grants) => {
      const personIds = new Set(grants.map(({ personId }) => personId));
      for (const personId of [...personIds].sort()) await people.lockPerson(tx, personId);
      // Several grants of one session at one client come from several tabs: one session there, so one notice.
      const recipients = new Map(grants.map((grant) => [`${grant.sessionHash} ${grant.clientId}`, grant]));
      const sids = await listSids(tx, [...new Set(grants.map(({ sessionHash }) => sessionHash))]);
      await enqueueLogoutNotices(
        tx,
        deps,
        [...recipients.values()].map(({ sessionHash, personId, clientId }) => {
          return { personId, clientId, sid: sids.get(sessionHash)?.get(clientId) };
        }),
      );
      await revokeGrantRows(tx, grants);
    },
  };
}

async function revokeAccessWithoutSession(tx: Transaction, personId: string): Promise<void> {
  // An interaction whose password was verified would otherwise create a session.
  await destroyInteractionsOf(tx, personId);
  await deleteApplicationPasswords(tx, personId);
}

/** Returns the `sid` of each relying party in a stored session, by client. */
export function readSessionIds(secrets: Secrets, record: records.FoundRecord): Map<string, string | undefined> {
  const { authorizations = {} } = sessionPayload.parse(openPayload(secrets, 'Session', record));
  return new Map(Object.entries(authorizations).map(([clientId, { sid }]) => [clientId, sid]));
}

async function enqueueLogoutNotices(
  tx: Transaction,
  { clients, outbox }: Deps,
  recipients: readonly Recipient[],
): Promise<readonly LogoutNotice[]> {
  const reachable = recipients.filter(({ clientId }) => clients.find(clientId)?.backchannel_logout_uri !== undefined);
  const jobIds = await outbox.enqueueAll(
    tx,
    reachable.map(({ personId, clientId, sid }) => {
      return { kind: 'backchannel_logout', clientId, personId, ...(sid === undefined ? {} : { sid }) };
    }),
  );
  return reachable.map(({ clientId }, i) => ({ clientId, jobId: jobIds[i] ?? '' }));
}

async function revokeGrantRows(tx: Transaction, grants: readonly grantStore.GrantRow[]): Promise<void> {
  await grantStore.revokeGrants(
    tx,
    grants.map(({ grantHash }) => grantHash),
  );
}

/** Returns true if the scopes include `offline_access`. */
export function hasOfflineAccess(grant: { scopes: string }): boolean {
  return grant.scopes.split(' ').includes('offline_access');
}
