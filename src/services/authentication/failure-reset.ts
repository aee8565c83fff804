import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as credentials from '../../store/auth/credentials.ts';
import { listThrottles } from '../../store/auth/throttles.ts';
import type { Transaction } from '../../store/database/index.ts';
import type { Audit } from '../audit/audit.ts';
import { completedSignInsKey } from './completed-sign-ins.ts';
import { listFailureKeys } from './login-keys.ts';
import type { PasswordVerifier } from './password-verification.ts';
import { codeCounterKeys, resetSecondFactorFailures } from './second-factor-verification.ts';

interface FailureResetDeps {
  passwordVerifier: Pick<PasswordVerifier, 'resetFailures'>;
  audit: Pick<Audit, 'append'>;
}

/**
 * Ends every delay and lock of a person: of passwords under every login, second factors and completed sign-ins. Reopens a closed first
 * password. Locks counters and the audit log, so it comes last in a transaction.
 */
export async function clearFailures(
  tx: Transaction,
  { passwordVerifier, audit }: FailureResetDeps,
  personId: string,
): Promise<void> {
  await credentials.reopenFirstPassword(tx, personId);
  const events = await resetSecondFactorFailures(tx, personId);
  await passwordVerifier.resetFailures(tx, personId);
  for (const event of events) await audit.append(tx, event);
}

/** Returns true if `clearFailures` would end something: wrong attempts, a limit of sign-ins at `now` (ms), or a closed first password. */
export async function hasFailures(tx: Transaction, secrets: Secrets, personId: string, now: number): Promise<boolean> {
  const keys = [...codeCounterKeys(personId), ...(await listFailureKeys(tx, secrets, personId))];
  const wrongAttempts = await listThrottles(tx, keys);
  const [completed] = await listThrottles(tx, [completedSignInsKey(personId)]);
  const { first } = await credentials.getCredential(tx, personId);
  return (
    wrongAttempts.some(({ failures }) => failures > 0) ||
    (completed?.blockedUntil ?? 0) > now ||
    (first?.kind === 'first' && first.closedAt !== null)
  );
}
