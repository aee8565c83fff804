import type { Clock } from '../../domain/clock.ts';
import * as sessionStore from '../../store/auth/sessions.ts';
import type { Store, Unit } from '../../store/database/index.ts';
import * as consentStore from '../../store/oidc/consents.ts';
import * as grantStore from '../../store/oidc/grants.ts';
import * as records from '../../store/oidc/records.ts';
import * as people from '../../store/people/people.ts';
import type { Audit } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';
import type { Endings, LogoutNotice } from './revocation.ts';
import type { RotatedSession } from './session-rotation.ts';

/** An app that can read the person's data now, or that may do so at the next sign-in without asking. */
export interface AppAccess {
  clientId: string;
  since: number;
  scopes: readonly string[];
}

/** What a person sees and ends on the account page: own sessions, and apps with access. */
export interface Access {
  sessions(personId: string): Promise<sessionStore.SessionRow[]>;
  session(sessionHash: string): Promise<sessionStore.SessionRow | undefined>;
  apps(personId: string): Promise<AppAccess[]>;
  /** @returns false when it is not a live session of this person */
  endSession(personId: string, sessionHash: string, address: string): Promise<boolean>;
  /**
   * Ends all sessions but one, and every sign-in in progress. The kept session gets a new id.
   *
   * @throws {OvertakenError} when the session to keep has ended
   */
  endOtherSessions(personId: string, keep: string, address: string): Promise<RotatedSession>;
  /** Takes an app's consent, grants and tokens away. @returns false when the app had no access */
  revokeApp(personId: string, clientId: string, address: string): Promise<boolean>;
  /** Ends what has passed its time, so that relying parties learn of it. @returns how many */
  endExpired(limit: number): Promise<number>;
  /**
   * Signs the person out: ends the session and everything that rests on it.
   *
   * @returns the enqueued logout notices; none when the session had ended before
   */
  signOut(personId: string, sessionHash: string, address: string): Promise<readonly LogoutNotice[]>;
}

interface Deps {
  store: Store;
  clock: Clock;
  audit: Audit;
  endings: Endings;
  outbox: Outbox;
}

export function createAccess(deps: Deps): Access {
  const { store, clock, endings, outbox } = deps;
  return {
    sessions: (personId) => store.read((u) => sessionStore.liveSessionsOf(u, personId, clock.now())),
    session: (sessionHash) => store.read((u) => sessionStore.sessionByHash(u, sessionHash)),
    apps: (personId) =>
      store.read(async (u) =>
        toApps([
          ...(await grantStore.liveGrantsOf(u, personId, clock.now())).map(toAccess),
          ...(await consentStore.listConsents(u, personId)).map(({ clientId, grantedAt, scope }) => {
            return { clientId, since: grantedAt, scopes: [scope] };
          }),
        ]),
      ),
    ...createSessionEndings(deps),
    signOut: createSignOut(deps),
    endExpired: async (limit) => {
      const expired = await store.read((u) => sessionStore.expiredSessions(u, clock.now(), limit));
      for (const [personId, ofPerson] of Map.groupBy(expired, (session) => session.personId)) {
        const hashes = ofPerson.map(({ sessionHash }) => sessionHash);
        await store.write(async (tx) => {
          await people.lockPerson(tx, personId);
          await endings.endSessions(tx, personId, hashes, { keepOffline: true });
        });
      }
      if (expired.length > 0) outbox.kick();
      return expired.length;
    },
    revokeApp: createRevokeApp(deps),
  };
}

/** What a person ends among the own sessions on the account page. */
function createSessionEndings({
  store,
  clock,
  audit,
  endings,
  outbox,
}: Deps): Pick<Access, 'endSession' | 'endOtherSessions'> {
  const endWhere = async (tx: Unit, personId: string, isChosen: (sessionHash: string) => boolean): Promise<number> => {
    const live = await sessionStore.liveSessionsOf(tx, personId, clock.now());
    const hashes = live.map(({ sessionHash }) => sessionHash).filter(isChosen);
    if (hashes.length > 0) await endings.endSessions(tx, personId, hashes, { keepOffline: true });
    return hashes.length;
  };
  const record = (
    tx: Unit,
    personId: string,
    sessions: number,
    event: { event: string; address: string },
  ): Promise<void> =>
    audit.append(tx, { ...event, outcome: 'ok', actorId: personId, subjectId: personId, detail: { sessions } });
  return {
    endSession: async (personId, sessionHash, address) => {
      const ended = await store.write(async (tx) => {
        await people.lockPerson(tx, personId);
        const count = await endWhere(tx, personId, (hash) => hash === sessionHash);
        if (count > 0) await record(tx, personId, count, { event: 'session.ended', address });
        return count;
      });
      outbox.kick();
      return ended > 0;
    },
    endOtherSessions: async (personId, keep, address) => {
      const kept = await store.write(async (tx) => {
        // Sign-ins in progress end too: a moment later they would be sessions.
        await people.raiseCredentialVersion(tx, personId);
        await records.destroyStepsOf(tx, personId);
        const count = await endWhere(tx, personId, (hash) => hash !== keep);
        const rotated = await endings.rotateSession(tx, keep);
        await record(tx, personId, count, { event: 'session.others_ended', address });
        return rotated;
      });
      outbox.kick();
      return kept;
    },
  };
}

function createSignOut({ store, audit, endings, outbox }: Deps): Access['signOut'] {
  return async (personId, sessionHash, address) => {
    const notices = await store.write(async (tx) => {
      // Of two requests for the same session the second one waits here and finds it ended.
      await people.lockPerson(tx, personId);
      const session = await sessionStore.sessionByHash(tx, sessionHash);
      if (session?.endedAt !== null) return [];
      const enqueued = await endings.endSessions(tx, personId, [sessionHash], { keepOffline: true });
      await audit.append(tx, {
        event: 'session.signed_out',
        outcome: 'ok',
        actorId: personId,
        subjectId: personId,
        address,
        detail: { sessions: 1 },
      });
      return enqueued;
    });
    outbox.kick();
    return notices;
  };
}

function toAccess({ clientId, createdAt, scopes }: grantStore.GrantRow): AppAccess {
  return { clientId, since: createdAt, scopes: scopes.split(' ') };
}

function toApps(found: readonly AppAccess[]): AppAccess[] {
  const byClient = Map.groupBy(found, ({ clientId }) => clientId);
  return [...byClient].map(([clientId, ofClient]) => ({
    clientId,
    since: Math.min(...ofClient.map(({ since }) => since)),
    scopes: [...new Set(ofClient.flatMap(({ scopes }) => scopes))],
  }));
}

function createRevokeApp({ store, audit, endings, outbox }: Deps): Access['revokeApp'] {
  return async (personId, clientId, address) => {
    const found = await store.write(async (tx) => {
      await people.lockPerson(tx, personId);
      const consents = await consentStore.deleteConsents(tx, personId, clientId);
      const all = await grantStore.grantsOfPerson(tx, personId);
      const grants = all.filter((grant) => grant.clientId === clientId);
      if (consents === 0 && grants.length === 0) return false;
      await endings.endGrants(tx, grants);
      // An answer to the consent page that is being stored would give the access back.
      await records.destroyStepsOf(tx, personId, clientId);
      await audit.append(tx, {
        event: 'app.revoked',
        outcome: 'ok',
        actorId: personId,
        subjectId: personId,
        clientId,
        address,
      });
      return true;
    });
    outbox.kick();
    return found;
  };
}
