import { setImmediate as nextTurn } from 'node:timers/promises';
import { availableContexts, resolveContext } from '../../domain/acting/contexts.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import { DAY_MS } from '../../domain/duration.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as grantStore from '../../store/oidc/grants.ts';
import * as affiliations from '../../store/people/affiliations.ts';
import * as people from '../../store/people/people.ts';
import type { ClientRegistry } from '../access/client-registry.ts';
import type { Revocation } from '../access/revocation.ts';
import type { Audit } from '../audit/audit.ts';

/** Days that the first run looks back: no grant lives for more than 90 days. */
const MAX_LOOKBACK_DAYS = 92;
const PAGE_SIZE = 500;

/** Revokes the grants of ended memberships and enrollments (docs/claims.md, rule 9). */
export interface AffiliationExpiry {
  /**
   * Revokes the grants of memberships and enrollments that have passed their last day, and of children that are no longer enrolled. If a
   * newer affiliation gives the same context, as for a student in the next term, the grant moves to it.
   *
   * @returns the number of revoked grants
   */
  revokeExpired(): Promise<number>;
}

export interface RevokeDeps {
  clock: Clock;
  clients: Pick<ClientRegistry, 'entitlementsOf'>;
  audit: Pick<Audit, 'append'>;
  revocation: Pick<Revocation, 'revokeGrants'>;
}

interface Deps extends RevokeDeps {
  store: Store;
}

export function createAffiliationExpiry(deps: Deps): AffiliationExpiry {
  const { store, clock } = deps;
  // Each run starts at the last day that had ended at the run before: at the end of a term, half of all affiliations have ended.
  let from = localDate(clock.now() - MAX_LOOKBACK_DAYS * DAY_MS);
  const revokeKind = async (kind: affiliations.AffiliationKind, today: string): Promise<number> => {
    let revoked = 0;
    for await (const grants of readEndedGrants(deps, kind, from, today)) {
      for (const [personId, ofPerson] of Map.groupBy(grants, (grant) => grant.personId)) {
        const hashes = new Set(ofPerson.map(({ grantHash }) => grantHash));
        revoked += await store.write((tx) => revokeOrMoveGrants(tx, deps, personId, hashes));
      }
    }
    return revoked;
  };
  return {
    revokeExpired: async () => {
      const now = clock.now();
      const today = localDate(now);
      const revoked = (await revokeKind('membership', today)) + (await revokeKind('enrollment', today));
      from = localDate(now - DAY_MS);
      return revoked;
    },
  };
}

/** Yields the grants that depend on ended affiliations, page by page. */
async function* readEndedGrants(
  { store, clock }: Deps,
  kind: affiliations.AffiliationKind,
  from: string,
  today: string,
): AsyncGenerator<grantStore.GrantRow[]> {
  let after: affiliations.AffiliationCursor | undefined = { lastDay: from, id: '' };
  while (after !== undefined) {
    const cursor: affiliations.AffiliationCursor = after;
    const { page, grants } = await store.read(async (tx) => {
      const ended = await affiliations.listEndedAffiliations(tx, kind, cursor, today, PAGE_SIZE);
      return { page: ended, grants: await findGrantsOfEnded(tx, kind, ended, today, clock.now()) };
    });
    yield grants;
    after = page.length < PAGE_SIZE ? undefined : page.at(-1);
    // Lets requests run between pages: SQLite answers synchronously.
    await nextTurn();
  }
}

/** Finds the grants of ended affiliations, and of guardians whose child is no longer enrolled. */
async function findGrantsOfEnded(
  tx: Transaction,
  kind: affiliations.AffiliationKind,
  ended: readonly affiliations.EndedAffiliation[],
  today: string,
  now: number,
): Promise<grantStore.GrantRow[]> {
  if (ended.length === 0) return [];
  const ids = ended.map(({ id }) => id);
  const grants = await grantStore.listActiveGrantsByBases(tx, ids, now);
  if (kind === 'membership') return grants;
  const students = [...new Set(ended.map(({ personId }) => personId))];
  const enrolled = await affiliations.listEnrolledOn(tx, students, today);
  const notEnrolled = students.filter((id) => !enrolled.has(id));
  return [...grants, ...(await grantStore.listActiveGrantsByChildren(tx, notEnrolled, now))];
}

/** Revokes the grants without a current context, and moves the others. Reads them again in the transaction. @returns the number of revoked grants */
export async function revokeOrMoveGrants(
  tx: Transaction,
  deps: RevokeDeps,
  personId: string,
  hashes: ReadonlySet<string>,
): Promise<number> {
  const { clock, clients, audit, revocation } = deps;
  const today = localDate(clock.now());
  // Before the grants: all transactions that revoke grants lock in this order.
  await people.lockPerson(tx, personId);
  const facts = await people.loadPersonFacts(tx, personId, today);
  const ended: grantStore.GrantRow[] = [];
  for (const grant of await grantStore.listActiveGrantsByPerson(tx, personId, clock.now())) {
    const granted = grantStore.grantedContext(grant);
    if (!hashes.has(grant.grantHash) || granted === undefined) continue;
    const contexts = facts === undefined ? [] : availableContexts(facts, clients.entitlementsOf(grant.clientId), today);
    const current = resolveContext(contexts, granted);
    if (current === undefined) ended.push(grant);
    else await grantStore.updateGrantBasis(tx, grant.grantHash, current.basisId);
  }
  if (ended.length === 0) return 0;
  await revocation.revokeGrants(tx, ended);
  await audit.append(tx, {
    event: 'affiliation.ended',
    outcome: 'ok',
    subjectId: personId,
    detail: { grants: ended.length },
  });
  return ended.length;
}
