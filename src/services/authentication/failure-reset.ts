import * as credentials from '../../store/auth/credentials.ts';
import type { Transaction } from '../../store/database/index.ts';
import type { Audit } from '../audit/audit.ts';
import type { PasswordVerifier } from './password-verification.ts';
import { resetSecondFactorFailures } from './second-factor-verification.ts';

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
