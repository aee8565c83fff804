import { isSessionActive } from '../../domain/sessions.ts';
import { findSession } from '../../store/auth/sessions.ts';
import type { Transaction } from '../../store/database/index.ts';

/** A person and the session of the request. */
export interface SessionOfPerson {
  personId: string;
  sessionHash: string;
}

/**
 * Returns true if the person has this active session at `now` (ms). Call it after `lockPerson`: a password change and a removal by staff end
 * sessions under the lock of the person.
 */
export async function hasActiveSession(
  tx: Transaction,
  { personId, sessionHash }: SessionOfPerson,
  now: number,
): Promise<boolean> {
  const session = await findSession(tx, sessionHash);
  return session?.personId === personId && isSessionActive(session, now);
}
