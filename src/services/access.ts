import type { Clock } from '../domain/clock.ts';
import type { Store, Unit } from '../store/database/index.ts';
import * as grantStore from '../store/grants.ts';
import * as records from '../store/oidc-records.ts';
import * as sessionStore from '../store/sessions.ts';
import type { Audit } from './audit.ts';
import type { Endings, LogoutNotice } from './endings.ts';
import type { Outbox } from './outbox.ts';

/** An app that can read the person's data now. */
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
  /** @returns how many ended */
  endOtherSessions(personId: string, keep: string, address: string): Promise<number>;
  /** @returns false when the app had no access */
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

export function createAccess({ store, clock, audit, endings, outbox }: Deps): Access {
  const endSessions = async (
    personId: string,
    choose: (hash: string) => boolean,
    event: { event: string; address: string },
    before: (u: Unit) => Promise<unknown> = () => Promise.resolve(),
  ): Promise<number> => {
    const count = await store.write(async (u) => {
      await before(u);
      const live = await sessionStore.liveSessionsOf(u, personId, clock.now());
      const hashes = live.map(({ sessionHash }) => sessionHash).filter(choose);
      if (hashes.length === 0) return 0;
      await endings.endSessions(u, personId, hashes, { keepOffline: true });
      await audit.append(u, {
        ...event,
        outcome: 'ok',
        actorId: personId,
        subjectId: personId,
        detail: { sessions: hashes.length },
      });
      return hashes.length;
    });
    outbox.kick();
    return count;
  };
  return {
    sessions: (personId) => store.read((u) => sessionStore.liveSessionsOf(u, personId, clock.now())),
    session: (sessionHash) => store.read((u) => sessionStore.sessionByHash(u, sessionHash)),
    apps: async (personId) => toApps(await store.read((u) => grantStore.liveGrantsOf(u, personId, clock.now()))),
    endSession: async (personId, sessionHash, address) =>
      (await endSessions(personId, (hash) => hash === sessionHash, { event: 'session.ended', address })) > 0,
    endOtherSessions: (personId, keep, address) =>
      // Sign-ins elsewhere that wait to go on end too: a moment later they would be sessions.
      endSessions(
        personId,
        (hash) => hash !== keep,
        { event: 'session.others_ended', address },
        (u) => records.destroyStepsOf(u, personId),
      ),
    signOut: createSignOut({ store, clock, audit, endings, outbox }),
    endExpired: async (limit) => {
      const expired = await store.read((u) => sessionStore.expiredSessions(u, clock.now(), limit));
      for (const { personId, sessionHash } of expired) {
        await store.write((u) => endings.endSessions(u, personId, [sessionHash], { keepOffline: true }));
      }
      if (expired.length > 0) outbox.kick();
      return expired.length;
    },
    revokeApp: createRevokeApp({ store, audit, endings, outbox }),
  };
}

function createSignOut({ store, clock, audit, endings, outbox }: Deps): Access['signOut'] {
  return async (personId, sessionHash, address) => {
    const notices = await store.write(async (tx) => {
      // First, and conditional: of two requests for the same session the second one waits here and finds it ended.
      if (!(await sessionStore.markEnded(tx, sessionHash, clock.now()))) return [];
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

function toApps(grants: readonly grantStore.GrantRow[]): AppAccess[] {
  const byClient = Map.groupBy(grants, ({ clientId }) => clientId);
  return [...byClient].map(([clientId, ofClient]) => ({
    clientId,
    since: Math.min(...ofClient.map(({ createdAt }) => createdAt)),
    scopes: [...new Set(ofClient.flatMap(({ scopes }) => scopes.split(' ')))],
  }));
}

function createRevokeApp({ store, audit, endings, outbox }: Omit<Deps, 'clock'>): Access['revokeApp'] {
  return async (personId, clientId, address) => {
    const found = await store.write(async (u) => {
      const all = await grantStore.grantsOfPerson(u, personId);
      const grants = all.filter((grant) => grant.clientId === clientId);
      if (grants.length === 0) return false;
      await endings.endGrants(u, grants);
      await audit.append(u, {
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
