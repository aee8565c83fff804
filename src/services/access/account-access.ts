import type { AuditEntry } from '../../domain/audit-chain.ts';
import type { Clock } from '../../domain/clock.ts';
import * as sessionStore from '../../store/auth/sessions.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as consentStore from '../../store/oidc/consents.ts';
import * as grantStore from '../../store/oidc/grants.ts';
import { destroyInteractionsOf } from '../../store/oidc/record-revocation.ts';
import * as people from '../../store/people/people.ts';
import { listSignIns } from '../../store/people/sign-ins.ts';
import type { Audit } from '../audit/audit.ts';
import type { Revocation, LogoutNotice } from './revocation.ts';
import type { RotatedSession } from './session-rotation.ts';

/** An app with an active grant or a stored consent. */
interface AuthorizedApp {
  clientId: string;
  since: number;
  scopes: readonly string[];
}

/** Sign-ins on one page of the history. */
const SIGN_INS_PER_PAGE = 20;

/** Lists and revokes the sessions and authorized apps of a person (account page). */
export interface AccountAccess {
  listSessions(personId: string): Promise<sessionStore.SessionRow[]>;
  findSession(sessionHash: string): Promise<sessionStore.SessionRow | undefined>;
  listApps(personId: string): Promise<AuthorizedApp[]>;
  /**
   * Lists one page of the sign-ins of a person, newest first, failed ones included.
   *
   * @param beforeSeq only older ones than this; undefined for the first page
   */
  listSignIns(personId: string, beforeSeq: number | undefined): Promise<{ entries: AuditEntry[]; hasMore: boolean }>;
  /** Revokes a session, also an expired one. @returns false if it was revoked before, or is not a session of this person */
  revokeSession(personId: string, sessionHash: string, address: string): Promise<boolean>;
  /**
   * Revokes all sessions except one, and every sign-in in progress. The kept session gets a new id.
   *
   * @throws {ConcurrentChangeError} if the session to keep has ended
   */
  revokeOtherSessions(personId: string, keep: string, address: string): Promise<RotatedSession>;
  /** Revokes the consents, grants and tokens of an app. @returns false if the app had no access */
  revokeApp(personId: string, clientId: string, address: string): Promise<boolean>;
  /** Revokes expired sessions, which notifies their relying parties. @returns the number of sessions */
  revokeExpiredSessions(limit: number): Promise<number>;
  /**
   * Logs the person out: revokes the session with its grants and tokens.
   *
   * @returns the enqueued logout notices; empty if the session had already ended
   */
  logOut(personId: string, sessionHash: string, address: string): Promise<readonly LogoutNotice[]>;
}

interface Deps {
  store: Store;
  clock: Clock;
  audit: Audit;
  revocation: Revocation;
}

export function createAccountAccess(deps: Deps): AccountAccess {
  const { store, clock, revocation } = deps;
  return {
    listSessions: (personId) => store.read((tx) => sessionStore.listActiveSessionsByPerson(tx, personId, clock.now())),
    findSession: (sessionHash) => store.read((tx) => sessionStore.findSession(tx, sessionHash)),
    listApps: (personId) =>
      store.read(async (tx) =>
        mergeApps([
          ...(await grantStore.listActiveGrantsByPerson(tx, personId, clock.now())).map(toAuthorizedApp),
          ...(await consentStore.listConsents(tx, personId)).map(({ clientId, grantedAt, scope }) => {
            return { clientId, since: grantedAt, scopes: [scope] };
          }),
        ]),
      ),
    listSignIns: async (personId, beforeSeq) => {
      const page = { beforeSeq, limit: SIGN_INS_PER_PAGE + 1 };
      const entries = await store.read((tx) => listSignIns(tx, personId, page));
      return { entries: entries.slice(0, SIGN_INS_PER_PAGE), hasMore: entries.length > SIGN_INS_PER_PAGE };
    },
    ...createSessionRevocation(deps),
    logOut: createLogOut(deps),
    revokeExpiredSessions: async (limit) => {
      const expired = await store.read((tx) => sessionStore.listExpiredSessions(tx, clock.now(), limit));
      for (const [personId, ofPerson] of Map.groupBy(expired, (session) => session.personId)) {
        const hashes = ofPerson.map(({ sessionHash }) => sessionHash);
        await store.write(async (tx) => {
          await people.lockPerson(tx, personId);
          await revocation.revokeSessions(tx, personId, hashes, { keepOffline: true });
        });
      }
      return expired.length;
    },
    revokeApp: createRevokeApp(deps),
  };
}

function createSessionRevocation({
  store,
  audit,
  revocation,
}: Deps): Pick<AccountAccess, 'revokeSession' | 'revokeOtherSessions'> {
  const revokeWhere = async (
    tx: Transaction,
    personId: string,
    shouldRevoke: (sessionHash: string) => boolean,
  ): Promise<number> => {
    const open = await sessionStore.listOpenSessionsByPerson(tx, personId);
    const hashes = open.map(({ sessionHash }) => sessionHash).filter(shouldRevoke);
    if (hashes.length > 0) await revocation.revokeSessions(tx, personId, hashes, { keepOffline: true });
    return hashes.length;
  };
  const record = (
    tx: Transaction,
    personId: string,
    sessions: number,
    event: { event: string; address: string },
  ): Promise<void> =>
    audit.append(tx, { ...event, outcome: 'ok', actorId: personId, subjectId: personId, detail: { sessions } });
  return {
    revokeSession: async (personId, sessionHash, address) => {
      const revoked = await store.write(async (tx) => {
        await people.lockPerson(tx, personId);
        const count = await revokeWhere(tx, personId, (hash) => hash === sessionHash);
        if (count > 0) await record(tx, personId, count, { event: 'session.revoked', address });
        return count;
      });
      return revoked > 0;
    },
    revokeOtherSessions: async (personId, keep, address) => {
      const kept = await store.write(async (tx) => {
        // Revokes sign-ins in progress too: they would become sessions.
        await people.incrementCredentialVersion(tx, personId);
        await destroyInteractionsOf(tx, personId);
        const count = await revokeWhere(tx, personId, (hash) => hash !== keep);
        const rotated = await revocation.rotateSession(tx, keep);
        await record(tx, personId, count, { event: 'session.others_revoked', address });
        return rotated;
      });
      return kept;
    },
  };
}

function createLogOut({ store, audit, revocation }: Deps): AccountAccess['logOut'] {
  return async (personId, sessionHash, address) => {
    const notices = await store.write(async (tx) => {
      // The second of two requests for one session waits here and finds it ended.
      await people.lockPerson(tx, personId);
      const session = await sessionStore.findSession(tx, sessionHash);
      if (session?.endedAt !== null) return [];
      const enqueued = await revocation.revokeSessions(tx, personId, [sessionHash], { keepOffline: true });
      await audit.append(tx, {
        event: 'session.logged_out',
        outcome: 'ok',
        actorId: personId,
        subjectId: personId,
        address,
        detail: { sessions: 1 },
      });
      return enqueued;
    });
    return notices;
  };
}

function toAuthorizedApp({ clientId, createdAt, scopes }: grantStore.GrantRow): AuthorizedApp {
  return { clientId, since: createdAt, scopes: scopes.split(' ') };
}

function mergeApps(found: readonly AuthorizedApp[]): AuthorizedApp[] {
  const byClient = Map.groupBy(found, ({ clientId }) => clientId);
  return [...byClient].map(([clientId, ofClient]) => ({
    clientId,
    since: Math.min(...ofClient.map(({ since }) => since)),
    scopes: [...new Set(ofClient.flatMap(({ scopes }) => scopes))],
  }));
}

function createRevokeApp({ store, audit, revocation }: Deps): AccountAccess['revokeApp'] {
  return async (personId, clientId, address) => {
    const isRevoked = await store.write(async (tx) => {
      await people.lockPerson(tx, personId);
      const consents = await consentStore.deleteConsents(tx, personId, clientId);
      const all = await grantStore.listGrantsByPerson(tx, personId);
      const grants = all.filter((grant) => grant.clientId === clientId);
      if (consents === 0 && grants.length === 0) return false;
      await revocation.revokeGrants(tx, grants);
      // A concurrent answer to the consent page would restore the access.
      await destroyInteractionsOf(tx, personId, clientId);
      await audit.append(tx, {
        event: 'grant.revoked',
        outcome: 'ok',
        actorId: personId,
        subjectId: personId,
        clientId,
        address,
      });
      return true;
    });
    return isRevoked;
  };
}
