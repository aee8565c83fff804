import { statusAfter, type GuardianshipAction, type GuardianshipStatus } from '../../domain/acting/guardianship.ts';
import type { Clock } from '../../domain/clock.ts';
import { localDate } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as grantStore from '../../store/oidc/grants.ts';
import * as guardianships from '../../store/people/guardianships.ts';
import * as people from '../../store/people/people.ts';
import type { Revocation } from '../access/revocation.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';
import { mailGuardianshipNotice } from '../notifications/guardianship-notice.ts';
import type { Outbox } from '../notifications/outbox.ts';

export interface GuardianshipChange {
  id: string;
  action: GuardianshipAction;
  /** Clear text; stored sealed and never released to relying parties (docs/claims.md, rule 5). */
  reason?: string | undefined;
  /** The person who acted; `undefined` for an expiry. */
  actorId: string | undefined;
}

export interface Guardianships {
  /** Applies an action. @returns false if the state of the guardianship does not allow it */
  applyAction(change: GuardianshipChange): Promise<boolean>;
  /** As `applyAction`, in a transaction. @returns the audit entry that the caller appends last; undefined if nothing has changed */
  applyIn(tx: Transaction, change: GuardianshipChange): Promise<AuditEvent | undefined>;
  /** Expires up to `limit` guardianships after their last day. @returns their number */
  expirePastEndDate(limit: number): Promise<number>;
}

/** Returns the status of a guardianship. Every suspension by the school has a reason. */
export function statusOf({
  state,
  isConsentAwaited,
  stateReasonSealed,
}: Pick<guardianships.GuardianshipRow, 'state' | 'isConsentAwaited' | 'stateReasonSealed'>): GuardianshipStatus {
  const hasReason = stateReasonSealed !== null;
  return { state, isConsentAwaited, isSuspendedBySchool: state === 'suspended' && (hasReason || !isConsentAwaited) };
}

const EVENT_VERBS = { suspend: 'suspended', resume: 'resumed', revoke: 'revoked', expire: 'expired' } as const;

interface Deps {
  store: Store;
  clock: Clock;
  audit: Pick<Audit, 'append'>;
  revocation: Pick<Revocation, 'revokeGrants'>;
  secrets: Pick<Secrets, 'seal'>;
  outbox: Outbox;
  issuer: string;
}

/** Changes guardianships, and revokes the grants of those that are no longer active. */
export function createGuardianships({ store, clock, audit, revocation, secrets, outbox, issuer }: Deps): Guardianships {
  const applyIn: Guardianships['applyIn'] = async (tx, { id, action, reason, actorId }) => {
    const found = await guardianships.findGuardianship(tx, id);
    if (found === undefined) return undefined;
    // Waits for a concurrent sign-in that stores a grant for this guardianship, so that the grant is listed below.
    await people.lockPerson(tx, found.guardianId);
    const row = await guardianships.findGuardianship(tx, id);
    const next = row && statusAfter(statusOf(row), action)?.state;
    if (row === undefined || next === undefined) return undefined;
    // The stored reason is the one of a suspension or an end.
    const isStored = action !== 'resume' && reason !== undefined;
    const sealed = isStored ? secrets.seal('state-reason', id, reason) : undefined;
    if (!(await guardianships.updateGuardianshipState(tx, id, row.state, next, sealed, clock.now()))) return undefined;
    if (next !== 'active') await revocation.revokeGrants(tx, await grantStore.listGrantsByBasis(tx, id));
    return {
      event: `guardianship.${EVENT_VERBS[action]}`,
      outcome: 'ok',
      actorId,
      subjectId: row.guardianId,
      detail: { guardianship: id, student: row.studentId, from: row.state, to: next },
    };
  };
  const apply = async (tx: Transaction, change: GuardianshipChange): Promise<boolean> => {
    const event = await applyIn(tx, change);
    if (event?.subjectId !== undefined && change.action === 'expire') {
      const about = (await guardianships.findGuardianship(tx, change.id))?.studentId ?? '';
      await mailGuardianshipNotice(tx, { outbox, issuer }, { to: event.subjectId, about, kind: 'expired' });
    }
    if (event !== undefined) await audit.append(tx, event);
    return event !== undefined;
  };
  return {
    applyIn,
    applyAction: (change) => store.write((tx) => apply(tx, change)),
    expirePastEndDate: async (limit) => {
      const today = localDate(clock.now());
      const expired = await store.read((tx) => guardianships.listGuardianshipsEndingBefore(tx, today, limit));
      for (const { id } of expired) {
        await store.write((tx) => apply(tx, { id, action: 'expire', actorId: undefined }));
      }
      return expired.length;
    },
  };
}
