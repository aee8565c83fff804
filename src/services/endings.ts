import { z } from 'zod';
import type { Clock } from '../domain/clock.ts';
import type { Unit } from '../store/database/index.ts';
import * as grantStore from '../store/grants.ts';
import * as records from '../store/oidc-records.ts';
import * as sessionStore from '../store/sessions.ts';
import type { Clients } from './clients.ts';
import { openPayload } from './oidc-payload.ts';
import type { Outbox } from './outbox.ts';
import type { Secrets } from './secrets.ts';

/**
 * How anything ends: sessions, grants and the tokens under them go in one unit of work, together with the logout notices
 * for the relying parties. Sign-out, password change, the account page, an administrator and the end of a guardianship all
 * come here (claims.md rule 9).
 */
export interface Endings {
  /**
   * Ends sessions: their cookies open nothing any more, tokens bound to them die, relying parties are told.
   *
   * @param options.keepOffline keeps refresh tokens that the person gave for longer than the session (`offline_access`)
   * @returns the enqueued logout notices
   */
  endSessions(
    u: Unit,
    personId: string,
    sessionHashes: readonly string[],
    options: { keepOffline: boolean },
  ): Promise<readonly LogoutNotice[]>;
  /**
   * Ends all that a person has: sessions, grants and refresh tokens. `keep` names a session that goes on; refresh tokens that
   * were given in it end all the same (standards.md, "Passwords").
   */
  endPerson(u: Unit, personId: string, keep?: string): Promise<void>;
  /** Ends grants: codes, access and refresh tokens die, and each relying party is told once to end its session. */
  endGrants(u: Unit, grants: readonly grantStore.GrantRow[]): Promise<void>;
}

/** A logout token that waits in the outbox for its relying party. */
export interface LogoutNotice {
  clientId: string;
  /** The id of the outbox job. */
  jobId: string;
}

interface Deps {
  clients: Clients;
  outbox: Outbox;
  secrets: Secrets;
  clock: Clock;
}

const sessionBody = z.object({
  authorizations: z.record(z.string(), z.object({ sid: z.string().optional() })).optional(),
});

export function createEndings({ clients, outbox, secrets, clock }: Deps): Endings {
  /** The session id that each relying party knows, by client. */
  const sidsOf = async (u: Unit, sessionHash: string): Promise<Map<string, string | undefined>> => {
    const record = await records.findRecordByUid(u, 'Session', sessionHash);
    return record === undefined ? new Map() : sidsIn(secrets, record);
  };
  const tell = async (
    u: Unit,
    personId: string,
    clientId: string,
    sid: string | undefined,
  ): Promise<LogoutNotice | undefined> => {
    if (clients.find(clientId)?.backchannel_logout_uri === undefined) return undefined;
    const job = { kind: 'backchannel_logout', clientId, personId, ...(sid === undefined ? {} : { sid }) } as const;
    return { clientId, jobId: await outbox.enqueue(u, job) };
  };
  const endSessions: Endings['endSessions'] = async (u, personId, sessionHashes, { keepOffline }) => {
    const notices: LogoutNotice[] = [];
    for (const sessionHash of sessionHashes) {
      const sids = await sidsOf(u, sessionHash);
      for (const [clientId, sid] of sids) {
        const notice = await tell(u, personId, clientId, sid);
        if (notice !== undefined) notices.push(notice);
      }
      for (const grant of await grantStore.grantsOfSession(u, sessionHash)) {
        if (!(keepOffline && isOffline(grant))) await grantStore.endGrant(u, grant.grantHash);
      }
      await records.destroyByUid(u, 'Session', sessionHash);
      await sessionStore.markEnded(u, sessionHash, clock.now());
    }
    return notices;
  };
  return {
    endSessions,
    endPerson: async (u, personId, keep) => {
      // Whoever has given the password already, and has not gone on yet, would be in a moment later. First, so that who goes on in
      // this moment is either refused or among the sessions.
      await records.destroyStepsOf(u, personId);
      const live = await sessionStore.liveSessionsOf(u, personId, clock.now());
      const others = live.map(({ sessionHash }) => sessionHash).filter((sessionHash) => sessionHash !== keep);
      await endSessions(u, personId, others, { keepOffline: false });
      // What is left rests on sessions that ended before, whose relying parties were told then, or on the one that goes on.
      for (const grant of await grantStore.grantsOfPerson(u, personId)) {
        if (grant.sessionHash !== keep || isOffline(grant)) await grantStore.endGrant(u, grant.grantHash);
      }
    },
    endGrants: async (u, grants) => {
      // Several grants of one session at one client are several tabs: one session there, one notice.
      const told = new Map(grants.map((grant) => [`${grant.sessionHash} ${grant.clientId}`, grant]));
      for (const { sessionHash, personId, clientId } of told.values()) {
        await tell(u, personId, clientId, (await sidsOf(u, sessionHash)).get(clientId));
      }
      for (const { grantHash } of grants) await grantStore.endGrant(u, grantHash);
    },
  };
}

/** The session id of each relying party in the stored body of a session, by client. */
export function sidsIn(secrets: Secrets, record: records.FoundRecord): Map<string, string | undefined> {
  const { authorizations = {} } = sessionBody.parse(openPayload(secrets, 'Session', record));
  return new Map(Object.entries(authorizations).map(([clientId, { sid }]) => [clientId, sid]));
}

export function isOffline(grant: { scopes: string }): boolean {
  return grant.scopes.split(' ').includes('offline_access');
}
