import { setImmediate as nextTurn } from 'node:timers/promises';
import { availableContexts, currentContext } from '../../domain/acting/contexts.ts';
import { dayInCity, type Clock } from '../../domain/clock.ts';
import type { Store, Unit } from '../../store/database/index.ts';
import * as grantStore from '../../store/oidc/grants.ts';
import * as affiliations from '../../store/people/affiliations.ts';
import * as people from '../../store/people/people.ts';
import type { Clients } from '../access/client-registry.ts';
import type { Endings } from '../access/revocation.ts';
import type { Audit } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';

const DAY_MS = 24 * 3_600_000;
/** A first look goes back so far: no grant lives for more than 90 days. */
const LOOK_BACK_DAYS = 92;
const PAGE = 500;

/** What rests on a place in a school ends with it (docs/claims.md, rule 9), as with a guardianship. */
export interface Affiliations {
  /**
   * Ends the grants that rest on memberships and enrolments that have passed their last day, and on a child that is enrolled
   * nowhere any more. Where the same identity goes on by a newer one, as of a pupil in the next term, the grant moves to that.
   *
   * @returns how many grants ended
   */
  endPassed(): Promise<number>;
}

interface Deps {
  store: Store;
  clock: Clock;
  clients: Clients;
  audit: Audit;
  endings: Endings;
  outbox: Outbox;
}

export function createAffiliations(deps: Deps): Affiliations {
  const { store, clock, outbox } = deps;
  // Each look begins with the last day that was over at the one before: at the end of a term half a city is behind it.
  let from = dayInCity(clock.now() - LOOK_BACK_DAYS * DAY_MS);
  const endKind = async (kind: affiliations.AffiliationKind, today: string): Promise<number> => {
    let ended = 0;
    let after: affiliations.Place | undefined = { lastDay: from, id: '' };
    while (after !== undefined) {
      const { page, grants } = await findOver(deps, kind, after, today);
      for (const [personId, held] of Map.groupBy(grants, (grant) => grant.personId)) {
        const hashes = new Set(held.map(({ grantHash }) => grantHash));
        ended += await store.write((u) => settle(u, deps, personId, hashes));
      }
      after = page.length < PAGE ? undefined : page.at(-1);
      // Requests come first: SQLite answers at once, so without this the whole walk would be one turn.
      await nextTurn();
    }
    return ended;
  };
  return {
    endPassed: async () => {
      const now = clock.now();
      const today = dayInCity(now);
      const ended = (await endKind('membership', today)) + (await endKind('enrolment', today));
      from = dayInCity(now - DAY_MS);
      if (ended > 0) outbox.kick();
      return ended;
    },
  };
}

interface Over {
  page: affiliations.EndedAffiliation[];
  grants: grantStore.GrantRow[];
}

/** A page of what has passed its last day, and the grants that may have ended with it. */
function findOver(
  { store, clock }: Deps,
  kind: affiliations.AffiliationKind,
  after: affiliations.Place,
  today: string,
): Promise<Over> {
  return store.read(async (u) => {
    const page = await affiliations.endedAffiliations(u, kind, after, today, PAGE);
    if (page.length === 0) return { page, grants: [] };
    const ids = page.map(({ id }) => id);
    const grants = await grantStore.liveGrantsOnBases(u, ids, clock.now());
    if (kind === 'membership') return { page, grants };
    const students = [...new Set(page.map(({ personId }) => personId))];
    const enrolled = await affiliations.enrolledOn(u, students, today);
    const gone = students.filter((id) => !enrolled.has(id));
    return { page, grants: [...grants, ...(await grantStore.liveGrantsForChildren(u, gone, clock.now()))] };
  });
}

/** Looks again inside of the unit: what ended meanwhile is not told twice. @returns how many grants ended */
async function settle(u: Unit, deps: Deps, personId: string, hashes: ReadonlySet<string>): Promise<number> {
  const { clock, clients, audit, endings } = deps;
  const today = dayInCity(clock.now());
  // Before the grants: all transactions that end grants of a person lock in this order.
  await people.lockPerson(u, personId);
  const facts = await people.personFacts(u, personId, today);
  const over: grantStore.GrantRow[] = [];
  for (const grant of await grantStore.liveGrantsOf(u, personId, clock.now())) {
    const held = grantStore.heldContext(grant);
    if (!hashes.has(grant.grantHash) || held === undefined) continue;
    const contexts = facts === undefined ? [] : availableContexts(facts, clients.registrationOf(grant.clientId), today);
    const current = currentContext(contexts, held);
    if (current === undefined) over.push(grant);
    else await grantStore.moveGrant(u, grant.grantHash, current.basisId);
  }
  if (over.length === 0) return 0;
  await endings.endGrants(u, over);
  await audit.append(u, {
    event: 'affiliation.ended',
    outcome: 'ok',
    subjectId: personId,
    detail: { grants: over.length },
  });
  return over.length;
}
