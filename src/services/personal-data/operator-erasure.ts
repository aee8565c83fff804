import type { ErasureObstacle } from '../../domain/binding/subject-requests.ts';
import type { Store } from '../../store/database/index.ts';
import { findPerson } from '../../store/people/people.ts';
import type { Audit } from '../audit/audit.ts';
import { lockPeople } from '../people/locks.ts';
import type { Erasure } from './erasure.ts';

type OperatorErasureResult = { kind: 'done' } | { kind: 'absent' } | { kind: 'obstacle'; obstacle: ErasureObstacle };

interface Deps {
  store: Store;
  audit: Pick<Audit, 'append'>;
  erasure: Pick<Erasure, 'erase' | 'findObstacle' | 'listConcerned'>;
}

/** Repeats a deletion after a restore of an older backup, for the command of an operator. The person was mailed by the first deletion. */
export function eraseAsOperator({ store, audit, erasure }: Deps, personId: string): Promise<OperatorErasureResult> {
  return store.write(async (tx) => {
    await lockPeople(tx, await erasure.listConcerned(tx, personId));
    if ((await findPerson(tx, personId)) === undefined) return { kind: 'absent' };
    const obstacle = await erasure.findObstacle(tx, personId);
    if (obstacle !== undefined) return { kind: 'obstacle', obstacle };
    for (const event of await erasure.erase(tx, personId, { keptMails: [] })) {
      await audit.append(tx, { ...event, detail: { capacity: 'operator', ...event.detail } });
    }
    return { kind: 'done' };
  });
}
