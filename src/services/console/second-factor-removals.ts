import type { Clock } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as removals from '../../store/console/second-factor-removals.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { Revocation } from '../access/revocation.ts';
import type { Audit } from '../audit/audit.ts';
import { mailSecondFactorChange } from '../authentication/second-factor-notices.ts';
import type { Outbox } from '../notifications/outbox.ts';
import type { Authorization } from './authorization.ts';
import { describeRemoval, removeAllFactors } from './second-factor-effect.ts';

/** Removals of the second factors of staff, which wait so that the person can cancel them. */
export interface SecondFactorRemovals {
  /** Returns the time of a pending removal, ms since 1970. */
  findTime(personId: string): Promise<number | undefined>;
  /** Cancels the pending removal of one's own second factors. @returns false if there is none */
  cancel(personId: string, address: string): Promise<boolean>;
  /** Does up to `limit` removals that are due. @returns their number */
  executeDue(limit: number): Promise<number>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Pick<Secrets, 'open'>;
  audit: Audit;
  outbox: Outbox;
  revocation: Revocation;
  authorization: Authorization;
  issuer: string;
}

export function createSecondFactorRemovals(deps: Deps): SecondFactorRemovals {
  const { store, clock, audit } = deps;
  return {
    findTime: async (personId) => (await store.read((tx) => removals.findRemoval(tx, personId)))?.executesAt,
    cancel: (personId, address) =>
      store.write(async (tx) => {
        await people.lockPerson(tx, personId);
        if ((await removals.deleteRemoval(tx, personId)) === undefined) return false;
        const event = { event: 'second_factor.removal_canceled', outcome: 'ok' } as const;
        await audit.append(tx, { ...event, actorId: personId, subjectId: personId, address });
        return true;
      }),
    executeDue: async (limit) => {
      const due = await store.read((tx) => removals.listDueRemovals(tx, clock.now(), limit));
      for (const { personId } of due) await store.write((tx) => execute(tx, deps, personId));
      return due.length;
    },
  };
}

/** Removes the factors, unless the person canceled it or the requester lost the capacity. */
async function execute(tx: Transaction, deps: Deps, personId: string): Promise<void> {
  const { clock, audit, authorization, secrets } = deps;
  await people.lockPerson(tx, personId);
  const pending = await removals.findRemoval(tx, personId);
  if (pending === undefined || pending.executesAt > clock.now()) return;
  await removals.deleteRemoval(tx, personId);
  const actor = await authorization.findActorIn(tx, pending.requestedBy);
  const asked = actor && (await authorization.authorize(tx, actor, 'remove_second_factor', personId));
  const about = { actorId: pending.requestedBy, subjectId: personId };
  const { reasonSealed } = pending;
  const reason = reasonSealed === null ? '' : secrets.open('removal-reason', personId, reasonSealed);
  if (actor === undefined || asked?.decision.allowed !== true) {
    const canceled = { event: 'second_factor.removal_canceled', outcome: 'refused', detail: { reason } } as const;
    await audit.append(tx, { ...canceled, ...about });
    return;
  }
  const count = await removeAllFactors(tx, deps.revocation, personId);
  if (count === 0) return;
  const { capacity, school } = asked.decision;
  const [before, after] = describeRemoval(count);
  const detail = { capacity, school, reason, before, after };
  await mailSecondFactorChange(tx, deps, personId, 'removed');
  await audit.append(tx, { event: 'second_factor.removed', outcome: 'ok', ...about, detail });
}
