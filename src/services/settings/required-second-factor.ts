import { policyTargetOf } from '../../domain/access/target.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import type { Store } from '../../store/database/index.ts';
import { loadPolicyFacts } from '../../store/people/policy-facts.ts';
import type { Settings } from './settings.ts';

/** Returns true if the bureau requires a second factor of this person at every app. */
export type RequiresSecondFactor = (personId: string) => Promise<boolean>;

export function createRequiresSecondFactor({
  store,
  clock,
  settings,
}: {
  store: Store;
  clock: Clock;
  settings: Pick<Settings, 'readPolicy'>;
}): RequiresSecondFactor {
  return (personId) =>
    store.read(async (tx) => {
      if (!(await settings.readPolicy(tx)).value.isSecondFactorRequiredForStaff) return false;
      const facts = await loadPolicyFacts(tx, personId);
      return facts !== undefined && policyTargetOf(facts, localDate(clock.now())).isStaff;
    });
}
