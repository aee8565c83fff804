import { administersCity } from '../../domain/access/policy.ts';
import type { Transaction } from '../../store/database/index.ts';
import type { Authorization } from './authorization.ts';

/** A change by a bureau administrator: the actor and the reason. */
export interface BureauWrite {
  actorId: string;
  address: string;
  reason: string;
}

/** Returns true if the person administers the city. Call it in the transaction that writes. */
export async function isBureauActor(
  tx: Transaction,
  authorization: Pick<Authorization, 'findActorIn'>,
  actorId: string,
): Promise<boolean> {
  const actor = await authorization.findActorIn(tx, actorId);
  return actor !== undefined && administersCity(actor);
}
