import { transition, type GuardianshipAction } from '../../domain/acting/guardianship.ts';
import type { Clock } from '../../domain/clock.ts';
import { dayInCity } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Store, Unit } from '../../store/database/index.ts';
import * as grantStore from '../../store/oidc/grants.ts';
import * as guardianships from '../../store/people/guardianships.ts';
import * as people from '../../store/people/people.ts';
import type { Endings } from '../access/revocation.ts';
import type { Audit } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';

export interface GuardianshipChange {
  id: string;
  action: GuardianshipAction;
  /** In clear text; stored sealed. No relying party ever sees it (docs/claims.md, rule 5). */
  reason?: string | undefined;
  /** Who decided; `undefined` when it was the calendar. */
  actorId: string | undefined;
}

export interface Guardianships {
  /** @returns false when the guardianship is not in a state that allows it */
  change(change: GuardianshipChange): Promise<boolean>;
  /** Ends what has passed its last day. @returns how many */
  expireEnded(limit: number): Promise<number>;
}

interface Deps {
  store: Store;
  clock: Clock;
  audit: Audit;
  endings: Endings;
  outbox: Outbox;
  secrets: Pick<Secrets, 'seal'>;
}

/** What changes a guardianship, also changes what rests on it: grants and tokens end, relying parties are told. */
export function createGuardianships({ store, clock, audit, endings, outbox, secrets }: Deps): Guardianships {
  const apply = async (u: Unit, { id, action, reason, actorId }: GuardianshipChange): Promise<boolean> => {
    const row = await guardianships.guardianshipById(u, id);
    const next = row && transition(row.state, action);
    if (row === undefined || next === undefined) return false;
    // Waits for a sign-in that stores a grant on this guardianship, so that the grant is listed below.
    await people.lockPerson(u, row.guardianId);
    const sealed = reason === undefined ? undefined : secrets.seal('state-reason', id, reason);
    if (!(await guardianships.setGuardianshipState(u, id, row.state, next, sealed, clock.now()))) return false;
    if (next !== 'active') await endings.endGrants(u, await grantStore.grantsOnBasis(u, id));
    await audit.append(u, {
      event: `guardianship.${action}`,
      outcome: 'ok',
      actorId,
      subjectId: row.guardianId,
      detail: { guardianship: id, student: row.studentId, from: row.state, to: next },
    });
    return true;
  };
  return {
    change: async (change) => {
      const changed = await store.write((u) => apply(u, change));
      if (changed) outbox.kick();
      return changed;
    },
    expireEnded: async (limit) => {
      const today = dayInCity(clock.now());
      const ended = await store.read((u) => guardianships.guardianshipsEndingBefore(u, today, limit));
      for (const { id } of ended) {
        await store.write((u) => apply(u, { id, action: 'expire', actorId: undefined }));
      }
      if (ended.length > 0) outbox.kick();
      return ended.length;
    },
  };
}
