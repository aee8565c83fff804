import { nextState, type GuardianshipAction } from '../../domain/acting/guardianship.ts';
import type { Clock } from '../../domain/clock.ts';
import { localDate } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as grantStore from '../../store/oidc/grants.ts';
import * as guardianships from '../../store/people/guardianships.ts';
import * as people from '../../store/people/people.ts';
import type { Revocation } from '../access/revocation.ts';
import type { Audit } from '../audit/audit.ts';

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
  applyAction(change: GuardianshipChange): Promise<boolean>;
  /** Ends what has passed its last day. @returns how many */
  expirePastEndDate(limit: number): Promise<number>;
}

const EVENT_VERBS = { suspend: 'suspended', resume: 'resumed', revoke: 'revoked', expire: 'expired' } as const;

interface Deps {
  store: Store;
  clock: Clock;
  audit: Audit;
  revocation: Revocation;
  secrets: Pick<Secrets, 'seal'>;
}

/** What changes a guardianship, also changes what rests on it: grants and tokens end, relying parties are told. */
export function createGuardianships({ store, clock, audit, revocation, secrets }: Deps): Guardianships {
  const apply = async (tx: Transaction, { id, action, reason, actorId }: GuardianshipChange): Promise<boolean> => {
    const row = await guardianships.findGuardianship(tx, id);
    const next = row && nextState(row.state, action);
    if (row === undefined || next === undefined) return false;
    // Waits for a sign-in that stores a grant on this guardianship, so that the grant is listed below.
    await people.lockPerson(tx, row.guardianId);
    const sealed = reason === undefined ? undefined : secrets.seal('state-reason', id, reason);
    if (!(await guardianships.updateGuardianshipState(tx, id, row.state, next, sealed, clock.now()))) return false;
    if (next !== 'active') await revocation.revokeGrants(tx, await grantStore.listGrantsByBasis(tx, id));
    await audit.append(tx, {
      event: `guardianship.${EVENT_VERBS[action]}`,
      outcome: 'ok',
      actorId,
      subjectId: row.guardianId,
      detail: { guardianship: id, student: row.studentId, from: row.state, to: next },
    });
    return true;
  };
  return {
    applyAction: async (change) => {
      const changed = await store.write((tx) => apply(tx, change));
      return changed;
    },
    expirePastEndDate: async (limit) => {
      const today = localDate(clock.now());
      const ended = await store.read((tx) => guardianships.listGuardianshipsEndingBefore(tx, today, limit));
      for (const { id } of ended) {
        await store.write((tx) => apply(tx, { id, action: 'expire', actorId: undefined }));
      }
      return ended.length;
    },
  };
}
