import { policyTargetOf } from '../../domain/access/target.ts';
import * as credentials from '../../store/auth/credentials.ts';
import { listSecondFactors } from '../../store/auth/second-factors.ts';
import type { Transaction } from '../../store/database/index.ts';
import { loadPolicyFacts } from '../../store/people/policy-facts.ts';

export interface GuardianAccount {
  /** Has no password, no passkey and no duty, so the account has no sign-in yet. */
  isUnused: boolean;
  hasFirstPassword: boolean;
}

/**
 * An account with an own password or passkey keeps its logins: another email address could reset the password. So do accounts of staff,
 * whose credentials come from the bureau or the IT desk.
 */
export async function loadGuardianAccount(tx: Transaction, personId: string, today: string): Promise<GuardianAccount> {
  const { hash, first } = await credentials.getCredential(tx, personId);
  const factors = await listSecondFactors(tx, personId);
  const facts = await loadPolicyFacts(tx, personId);
  const isStaff = facts !== undefined && policyTargetOf(facts, today).isStaff;
  const hasPasskey = factors.some(({ kind }) => kind === 'passkey');
  return { isUnused: hash === undefined && !hasPasskey && !isStaff, hasFirstPassword: first !== undefined };
}
