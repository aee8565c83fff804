import type { Clock } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
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

/** Sessions of one transaction; each may enqueue a notice for every relying party. */
const SESSION_BATCH_SIZE = 200;
/** Grants or records of one transaction: some megabytes of the database's log. */
const ROW_BATCH_SIZE = 2_000;

export interface RevokedCounts {
  sessions: number;
  grants: number;
}

/** What `kinpass sessions revoke-all` and `kinpass restore --revoke-sessions` do. */
export interface GlobalRevocation {
  /**
   * Ends every sign-in in progress, session, grant, code, token and reset link of everybody. Relying parties get logout notices through the
   * outbox. The work is done in many short transactions, so that running nodes are not blocked; a second call completes one that was
   * interrupted.
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
        await audit.append(tx, { event: 'sessions.all_revoked', outcome: 'ok', detail: { reason } });
      });
      // First: a sign-in in progress is either refused from now on, or its session is among those below.
      await inBatches(store, (tx, after) => people.incrementCredentialVersions(tx, after, ROW_BATCH_SIZE));
      await destroyAllOfModel(store, 'Interaction');
      const revoked = { sessions: await revokeAllSessions(deps), grants: await deleteGrants(store) };
      for (const model of await store.read((tx) => listModels(tx))) await destroyAllOfModel(store, model);
      return revoked;
    },
  };
}

/**
 * Ends the sessions in passes, until a pass finds none. Ending the other sessions or changing the password moves a session to a random
 * hash, which can be behind the cursor of a pass. It keeps its time of creation, so later passes leave new sign-ins alone.
 */
async function revokeAllSessions(deps: Deps): Promise<number> {
  const startedAt = deps.clock.now();
  let total = await revokeSessionsCreatedUntil(deps, Number.MAX_SAFE_INTEGER);
  for (let ended = total; ended > 0; total += ended) ended = await revokeSessionsCreatedUntil(deps, startedAt);
  return total;
}

/** Ends the sessions that were created at `createdUntil` (ms) or before, in one pass over their hashes. */
async function revokeSessionsCreatedUntil({ store, ...deps }: Deps, createdUntil: number): Promise<number> {
  let ended = 0;
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
    ended += batch.length;
    after = batch.at(-1);
  }
  return ended;
}

/** One logout token for each relying party of each session that is not over, if the relying party takes them. */
async function enqueueNotices(
  tx: Transaction,
  { secrets, clients, outbox }: Pick<Deps, 'secrets' | 'clients' | 'outbox'>,
  sessions: readonly sessionStore.SessionRow[],
): Promise<void> {
  const personOf = new Map(sessions.map(({ sessionHash, personId }) => [sessionHash, personId]));
  const jobs = (await records.findRecordsByUids(tx, 'Session', [...personOf.keys()])).flatMap((record) => {
    const personId = personOf.get(record.uidHash ?? '');
    if (personId === undefined) return [];
    return [...readSessionIds(secrets, record)]
      .filter(([clientId]) => clients.find(clientId)?.backchannel_logout_uri !== undefined)
      .map(([clientId, sid]) => ({ kind: 'backchannel_logout' as const, clientId, personId, sid }));
  });
  await outbox.enqueueAll(tx, jobs);
}

async function deleteGrants(store: Store): Promise<number> {
  let deleted = 0;
  for (let last = ROW_BATCH_SIZE; last > 0; deleted += last) {
    last = await store.write((tx) => grantStore.deleteAnyGrants(tx, ROW_BATCH_SIZE));
  }
  return deleted;
}

function destroyAllOfModel(store: Store, model: string): Promise<void> {
  return inBatches(store, (tx, after) => destroyAfter(tx, model, after, ROW_BATCH_SIZE));
}

/** @param work returns where the next call continues; `undefined` at the end */
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
