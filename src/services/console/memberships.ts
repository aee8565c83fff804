import { localDate, type Clock } from '../../domain/clock.ts';
import type { Store } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import { listMemberships, type NamedMembership } from '../../store/people/schools.ts';
import type { Authorization, StaffActor } from './authorization.ts';
import { hasEnded } from './duty-effects.ts';

export interface MembershipPage {
  name: string;
  version: number;
  memberships: readonly (NamedMembership & { isEnded: boolean })[];
}

/** Staff memberships, which the bureau grants and ends with the actions `grant-duty` and `end-duty`. */
export interface ConsoleMemberships {
  /** @returns undefined for a person out of scope */
  load(actor: StaffActor, personId: string): Promise<MembershipPage | undefined>;
}

interface Deps {
  store: Store;
  clock: Clock;
  authorization: Authorization;
}

export function createConsoleMemberships({ store, clock, authorization }: Deps): ConsoleMemberships {
  return {
    load: (actor, personId) =>
      store.read(async (tx) => {
        const authorized = await authorization.authorize(tx, actor, 'view', personId);
        const person = await people.findPerson(tx, personId);
        if (authorized?.decision.allowed !== true || person === undefined) return undefined;
        const today = localDate(clock.now());
        const memberships = await listMemberships(tx, personId);
        return {
          name: person.name,
          version: person.staffVersion,
          memberships: memberships.map((one) => ({ ...one, isEnded: hasEnded(one, today) })),
        };
      }),
  };
}
