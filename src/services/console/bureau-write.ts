import { administersCity } from '../../domain/access/policy.ts';
import type { Transaction } from '../../store/database/index.ts';
import type { Authorization } from './authorization.ts';

/** Who writes for the bureau, and why. */
export interface BureauWrite {
  actorId: string;
  address: string;
  reason: string;
}

/** @returns false if the person does not administer the city any more */
export async function isBureauActor(
  tx: Transaction,
  authorization: Pick<Authorization, 'findActorIn'>,
  actorId: string,
): Promise<boolean> {
  const actor = await authorization.findActorIn(tx, actorId);
  return actor !== undefined && administersCity(actor);
}
