import { interactionPolicy } from 'oidc-provider';
import { z } from 'zod';

/** The result of a password page for a person with a second factor: the person is verified, but not signed in. */
export const verifiedPasswordResult = z.object({
  personId: z.string(),
  remember: z.boolean(),
  credentialVersion: z.number(),
});

/** Requires the second factor of a person who has one at each sign-in. Until then no session exists. */
export function secondFactorOutstanding(): interactionPolicy.Check {
  return new interactionPolicy.Check('second_factor_outstanding', 'the second factor is outstanding', ({ oidc }) => {
    const verified = verifiedPasswordResult.safeParse(oidc.result?.['verified_password']);
    return verified.success && oidc.result?.login === undefined;
  });
}
