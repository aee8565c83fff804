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

/** A first look goes back so far: no grant lives for more than 90 days. */
const MAX_LOOKBACK_DAYS = 92;
const PAGE_SIZE = 500;

/** What rests on a place in a school ends with it (docs/claims.md, rule 9), as with a guardianship. */
export interface AffiliationExpiry {
  /**
   * Ends the grants that rest on memberships and enrolments that have passed their last day, and on a child that is enrolled
   * nowhere any more. Where the same identity goes on by a newer one, as of a pupil in the next term, the grant moves to that.
   *
   * @returns how many grants ended
   */
  revokeExpired(): Promise<number>;
}

interface Deps {
  store: Store;
  clock: Clock;
  clients: ClientRegistry;
  audit: Audit;
  revocation: Revocation;
}

export function createAffiliationExpiry(deps: Deps): AffiliationExpiry {
  const { store, clock } = deps;
  // Each look begins with the last day that was over at the one before: at the end of a term half a city is behind it.
  let from = localDate(clock.now() - MAX_LOOKBACK_DAYS * DAY_MS);
  const revokeKind = async (kind: affiliations.AffiliationKind, today: string): Promise<number> => {
    let ended = 0;
    let after: affiliations.AffiliationCursor | undefined = { lastDay: from, id: '' };
    while (after !== undefined) {
      const { page, grants } = await findEnded(deps, kind, after, today);
      for (const [personId, held] of Map.groupBy(grants, (grant) => grant.personId)) {
        const hashes = new Set(held.map(({ grantHash }) => grantHash));
        ended += await store.write((tx) => revokeOrMoveGrants(tx, deps, personId, hashes));
      }
      after = page.length < PAGE_SIZE ? undefined : page.at(-1);
      // Requests come first: SQLite answers at once, so without this the whole walk would be one turn.
      await nextTurn();
    }
    return ended;
  };
  return {
    revokeExpired: async () => {
      const now = clock.now();
      const today = localDate(now);
      const ended = (await revokeKind('membership', today)) + (await revokeKind('enrollment', today));
      from = localDate(now - DAY_MS);
      return ended;
    },
  };
}

interface EndedPage {
  page: affiliations.EndedAffiliation[];
  grants: grantStore.GrantRow[];
}

/** A page of what has passed its last day, and the grants that may have ended with it. */
function findEnded(
  { store, clock }: Deps,
  kind: affiliations.AffiliationKind,
  after: affiliations.AffiliationCursor,
  today: string,
): Promise<EndedPage> {
  return store.read(async (tx) => {
    const page = await affiliations.listEndedAffiliations(tx, kind, after, today, PAGE_SIZE);
    if (page.length === 0) return { page, grants: [] };
    const ids = page.map(({ id }) => id);
    const grants = await grantStore.findActiveGrantsByBases(tx, ids, clock.now());
    if (kind === 'membership') return { page, grants };
    const students = [...new Set(page.map(({ personId }) => personId))];
    const enrolled = await affiliations.listEnrolledOn(tx, students, today);
    const gone = students.filter((id) => !enrolled.has(id));
    return { page, grants: [...grants, ...(await grantStore.findActiveGrantsByChildren(tx, gone, clock.now()))] };
  });
}

/** Looks again inside of the unit: what ended meanwhile is not told twice. @returns how many grants ended */
async function revokeOrMoveGrants(
  tx: Transaction,
  deps: Deps,
  personId: string,
  hashes: ReadonlySet<string>,
): Promise<number> {
  const { clock, clients, audit, revocation } = deps;
  const today = localDate(clock.now());
  // Before the grants: all transactions that end grants of a person lock in this order.
  await people.lockPerson(tx, personId);
  const facts = await people.loadPersonFacts(tx, personId, today);
  const ended: grantStore.GrantRow[] = [];
  for (const grant of await grantStore.findActiveGrantsByPerson(tx, personId, clock.now())) {
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
