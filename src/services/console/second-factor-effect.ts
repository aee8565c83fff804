import type { Clock } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as factors from '../../store/auth/second-factors.ts';
import { upsertRemoval } from '../../store/console/second-factor-removals.ts';
import type { Transaction } from '../../store/database/index.ts';
import { incrementCredentialVersion } from '../../store/people/people.ts';
import type { Revocation } from '../access/revocation.ts';
import { done, impossible, type PersonEffect } from './person-effect.ts';

/** The notice of a removal that the person can still cancel. */
const PENDING_REMOVAL_NOTICE = 'remove-second-factor-pending';

/** Creates the removal of all second factors. For staff it waits, so that the person can cancel it. */
export function createRemoveSecondFactor({
  clock,
  secrets,
  revocation,
}: {
  clock: Clock;
  secrets: Pick<Secrets, 'seal'>;
  revocation: Revocation;
}): PersonEffect['apply'] {
  return async (tx, personId, { actorId, delayMs, reason }) => {
    if ((await factors.listSecondFactors(tx, personId)).length === 0) return impossible('no_factors');
    if (delayMs === 0) {
      const count = await removeAllFactors(tx, revocation, personId);
      return done(...describeRemoval(count));
    }
    const now = clock.now();
    const reasonSealed = secrets.seal('removal-reason', personId, reason);
    await upsertRemoval(tx, {
      personId,
      requestedBy: actorId,
      reasonSealed,
      createdAt: now,
      executesAt: now + delayMs,
    });
    return { ...done('', 'removal pending'), notice: PENDING_REMOVAL_NOTICE };
  };
}

/** Returns the values before and after a removal, for the audit log. */
export function describeRemoval(count: number): [before: string, after: string] {
  return [`second factors: ${String(count)}`, 'second factors: 0'];
}

/**
 * Deletes all second factors and recovery codes, and ends all sessions: the factor may be of a thief, whose session would keep its assurance
 * and could add the factor again.
 *
 * @returns the number of factors
 */
export async function removeAllFactors(tx: Transaction, revocation: Revocation, personId: string): Promise<number> {
  const all = await factors.listSecondFactors(tx, personId);
  if (all.length === 0) return 0;
  await incrementCredentialVersion(tx, personId);
  for (const { id } of all) await factors.deleteSecondFactor(tx, personId, id);
  await factors.deleteRecoveryCodes(tx, personId);
  await revocation.revokeAllOf(tx, personId);
  return all.length;
}
