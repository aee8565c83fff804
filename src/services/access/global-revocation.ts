import type { Clock } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { deleteAllApplicationPasswords } from '../../store/auth/application-passwords.ts';
import * as credentials from '../../store/auth/credentials.ts';
import * as sessionStore from '../../store/auth/sessions.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as grantStore from '../../store/oidc/grants.ts';
import { listModels } from '../../store/oidc/record-purge.ts';
import { destroyAfter, destroyByUids } from '../../store/oidc/record-revocation.ts';
import * as records from '../../store/oidc/records.ts';
import * as people from '../../store/people/people.ts';
import type { Audit } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';
import type { ClientRegistry } from './client-registry.ts';
import { readSessionIds } from './revocation.ts';

/** Sessions per transaction; each may enqueue a notice for every relying party. */
const SESSION_BATCH_SIZE = 200;
/** Grants or records per transaction: some megabytes of the database's log. */
const ROW_BATCH_SIZE = 2_000;

interface RevokedCounts {
  sessions: number;
  grants: number;
}

/** Revokes all access, for `kinpass sessions revoke-all` and `kinpass restore --revoke-sessions`. */
export interface GlobalRevocation {
  /**
   * Revokes all sign-ins in progress, sessions, grants, codes, tokens and reset links, and enqueues logout notices. Uses many short
   * transactions, so that running nodes are not blocked. A second call completes an interrupted one.
   */
  revokeAll(reason: 'operator' | 'restore'): Promise<RevokedCounts>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
  clients: Pick<ClientRegistry, 'find'>;
  audit: Pick<Audit, 'append'>;
  outbox: Outbox;
}

export function createGlobalRevocation(deps: Deps): GlobalRevocation {
  const { store, audit } = deps;
  return {
    revokeAll: async (reason) => {
      await store.write(async (tx) => {
        await credentials.deleteAllResetLinks(tx);
        await deleteAllApplicationPasswords(tx);
        await audit.append(tx, { event: 'sessions.all_revoked', outcome: 'ok', detail: { reason } });
      });
      // First, so that each sign-in in progress is either refused or creates a session that is revoked below.
      await inBatches(store, (tx, after) => people.incrementCredentialVersions(tx, after, ROW_BATCH_SIZE));
      await destroyAllOfModel(store, 'Interaction');
      const revoked = { sessions: await revokeAllSessions(deps), grants: await deleteGrants(store) };
      for (const model of await store.read((tx) => listModels(tx))) await destroyAllOfModel(store, model);
      return revoked;
    },
  };
}

/**
 * Revokes the sessions in passes, until a pass finds none. Rotation moves a session to a random hash, which can be behind the cursor of a
 * pass. A rotated session keeps its creation time, so later passes skip new sign-ins.
 */
async function revokeAllSessions(deps: Deps): Promise<number> {
  const startedAt = deps.clock.now();
  let total = await revokeSessionsCreatedUntil(deps, Number.MAX_SAFE_INTEGER);
  for (let revoked = total; revoked > 0; total += revoked) {
    revoked = await revokeSessionsCreatedUntil(deps, startedAt);
  }
  return total;
}

/** Revokes the sessions created at `createdUntil` (ms) or before, in one pass over their hashes. */
async function revokeSessionsCreatedUntil({ store, ...deps }: Deps, createdUntil: number): Promise<number> {
  let revoked = 0;
  for (let after: string | undefined = ''; after !== undefined;) {
    const afterHash: string = after;
    const batch = await store.write(async (tx) => {
      const sessions = await sessionStore.listOpenSessions(tx, { afterHash, createdUntil }, SESSION_BATCH_SIZE);
      const hashes = sessions.map(({ sessionHash }) => sessionHash);
      await enqueueNotices(tx, deps, sessions);
      await sessionStore.markRevoked(tx, hashes, deps.clock.now());
      await destroyByUids(tx, 'Session', hashes);
      return hashes;
    });
    revoked += batch.length;
    after = batch.at(-1);
  }
  return revoked;
}

/** Enqueues a logout notice for each relying party of each session that has a back-channel logout URI. */
async function enqueueNotices(
  tx: Transaction,
  { secrets, clients, outbox }: Pick<Deps, 'secrets' | 'clients' | 'outbox'>,
  sessions: readonly sessionStore.SessionRow[],
): Promise<void> {
  const personOf = new Map(sessions.map(({ sessionHash, personId }) => [sessionHash, personId]));
  const jobs = (await records.listRecordsByUids(tx, 'Session', [...personOf.keys()])).flatMap((record) => {
    const personId = personOf.get(record.uidHash ?? '');
    if (personId === undefined) return [];
    return [...readSessionIds(secrets, record)]
      .filter(([clientId]) => clients.find(clientId)?.backchannel_logout_uri !== undefined)
      .map(([clientId, sid]) => ({ kind: 'backchannel_logout' as const, clientId, personId, sid }));
  });
  await outbox.enqueueAll(tx, jobs);
}

async function deleteGrants(store: Store): Promise<number> {
  let total = 0;
  let deleted: number;
  do {
    deleted = await store.write((tx) => grantStore.deleteAnyGrants(tx, ROW_BATCH_SIZE));
    total += deleted;
  } while (deleted > 0);
  return total;
}

function destroyAllOfModel(store: Store, model: string): Promise<void> {
  return inBatches(store, (tx, after) => destroyAfter(tx, model, after, ROW_BATCH_SIZE));
}

/** Runs `work` in one transaction per batch, until it returns no cursor for the next batch. */
async function inBatches(
  store: Store,
  work: (tx: Transaction, after: string) => Promise<string | undefined>,
): Promise<void> {
  let after: string | undefined = '';
  while (after !== undefined) {
    const from: string = after;
    after = await store.write((tx) => work(tx, from));
  }
}
