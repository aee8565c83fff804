import { heldCapacities, schoolCodesOf, type HeldCapacity } from '../../domain/access/capacities.ts';
import {
  decide,
  type Decision,
  type PolicySettings,
  type PolicyTarget,
  type StaffAction,
} from '../../domain/access/policy.ts';
import { policyTargetOf } from '../../domain/access/target.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import type { School } from '../../domain/model.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { findPerson } from '../../store/people/people.ts';
import { listSchoolsByCode } from '../../store/people/schools.ts';
import type { Settings } from '../settings/settings.ts';
import { listPolicyFacts, listStaffFacts } from '../../store/people/policy-facts.ts';

/** A person with at least one capacity. */
export interface StaffActor {
  kind: 'person';
  id: string;
  /** The highest first; never empty. */
  capacities: readonly HeldCapacity[];
}

export interface Authorized {
  target: PolicyTarget;
  /** The policy of the bureau that the decision used. */
  policy: PolicySettings;
  decision: Decision;
}

/** Asks the access policy with the facts of the database. Every use case of the console does so in its own transaction. */
export interface Authorization {
  /** @returns undefined if the person is not active or has no capacity today */
  findActor(personId: string): Promise<StaffActor | undefined>;
  findActorIn(tx: Transaction, personId: string): Promise<StaffActor | undefined>;
  /** Lists the schools of the actor's capacities; empty for the bureau. */
  listSchools(actor: StaffActor): Promise<School[]>;
  /** Decides about one person. A missing person and a person out of scope give the same decision. */
  authorize(
    tx: Transaction,
    actor: StaffActor,
    action: StaffAction,
    targetId: string,
    grantedAt?: { isClosed: boolean },
  ): Promise<Authorized | undefined>;
  /** Returns the people of a page whom the actor may view, by id. */
  filterVisible(tx: Transaction, actor: StaffActor, personIds: readonly string[]): Promise<Map<string, PolicyTarget>>;
  /** Returns the people to whom the actor may do an action, by id. */
  filterAllowed(
    tx: Transaction,
    actor: StaffActor,
    action: StaffAction,
    personIds: readonly string[],
  ): Promise<Map<string, PolicyTarget>>;
  /** Returns those of the actions that the actor may do to each person, by id, and loads the facts once. */
  listAllowedActions(
    tx: Transaction,
    actor: StaffActor,
    actions: readonly StaffAction[],
    personIds: readonly string[],
  ): Promise<Map<string, ReadonlySet<StaffAction>>>;
}

interface Deps {
  store: Store;
  clock: Clock;
  settings: Pick<Settings, 'readPolicy'>;
}

export function createAuthorization({ store, clock, settings }: Deps): Authorization {
  const today = (): string => localDate(clock.now());
  const findActorIn: Authorization['findActorIn'] = async (tx, personId) => {
    if ((await findPerson(tx, personId))?.status !== 'active') return undefined;
    const { memberships, homeroomClasses } = await listStaffFacts(tx, [personId]);
    const capacities = heldCapacities(memberships, homeroomClasses, today());
    return capacities.length === 0 ? undefined : { kind: 'person', id: personId, capacities };
  };
  const listTargets = async (tx: Transaction, personIds: readonly string[]): Promise<PolicyTarget[]> =>
    (await listPolicyFacts(tx, personIds)).map((facts) => policyTargetOf(facts, today()));
  const filterAllowed: Authorization['filterAllowed'] = async (tx, actor, action, personIds) => {
    if (personIds.length === 0) return new Map();
    const [targets, { value: policy }] = await Promise.all([listTargets(tx, personIds), settings.readPolicy(tx)]);
    const isAllowed = (target: PolicyTarget): boolean => decide(actor, action, target, policy).allowed;
    return new Map(targets.filter(isAllowed).map((target) => [target.id, target]));
  };
  return {
    findActorIn,
    findActor: (personId) => store.read((tx) => findActorIn(tx, personId)),
    listSchools: ({ capacities }) => store.read((tx) => listSchoolsByCode(tx, schoolCodesOf(capacities))),
    authorize: async (tx, actor, action, targetId, grantedAt) => {
      const [target] = await listTargets(tx, [targetId]);
      const { value: policy } = await settings.readPolicy(tx);
      return target && { target, policy, decision: decide(actor, action, target, policy, grantedAt) };
    },
    filterVisible: (tx, actor, personIds) => filterAllowed(tx, actor, 'view', personIds),
    filterAllowed,
    listAllowedActions: async (tx, actor, actions, personIds) => {
      const [targets, { value: policy }] = await Promise.all([listTargets(tx, personIds), settings.readPolicy(tx)]);
      return new Map(
        targets.map((target) => [
          target.id,
          new Set(actions.filter((action) => decide(actor, action, target, policy).allowed)),
        ]),
      );
    },
  };
}
