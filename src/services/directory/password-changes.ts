import { RateLimitedError } from '../../platform/errors.ts';
import type { PasswordChangeRefusal, Passwords } from '../authentication/passwords.ts';
import type { SecondFactors } from '../authentication/second-factors.ts';
import type { RequiresSecondFactor } from '../settings/required-second-factor.ts';

interface OwnPassword {
  personId: string;
  /** The client of the service account whose registration applies to the connection. */
  clientId: string;
  current: string;
  next: string;
  address: string;
}

export type DirectoryPasswordChange =
  | { kind: 'changed'; credentialVersion: number }
  /** The account page changes the password of a person with a second factor: the directory cannot ask for it. */
  | { kind: 'second_factor_required' }
  | Exclude<PasswordChangeRefusal, { kind: 'expired' }>;

/** Changes passwords through the directory, with the policy, the counters and the effects of the account page. */
export interface DirectoryPasswordChanges {
  /** @throws {HashQueueFullError} */
  change(password: OwnPassword): Promise<DirectoryPasswordChange>;
}

interface Deps {
  passwords: Pick<Passwords, 'change'>;
  secondFactors: Pick<SecondFactors, 'has'>;
  requiresSecondFactor: RequiresSecondFactor;
}

export function createDirectoryPasswordChanges({
  passwords,
  secondFactors,
  requiresSecondFactor,
}: Deps): DirectoryPasswordChanges {
  return {
    change: async ({ personId, clientId, ...own }) => {
      if ((await secondFactors.has(personId)) || (await requiresSecondFactor(personId))) {
        return { kind: 'second_factor_required' };
      }
      try {
        const changed = await passwords.change({
          ...own,
          personId,
          keepSessionHash: undefined,
          formId: `directory ${personId}`,
          directoryClientId: clientId,
        });
        // Only the proof of a first password expires.
        if (changed.kind === 'expired') return { kind: 'wrong_current' };
        return changed.kind === 'changed' ? { kind: 'changed', credentialVersion: changed.credentialVersion } : changed;
      } catch (error) {
        if (error instanceof RateLimitedError) return { kind: 'throttled', until: undefined };
        throw error;
      }
    },
  };
}
