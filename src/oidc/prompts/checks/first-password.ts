import { interactionPolicy } from 'oidc-provider';
import { z } from 'zod';

/** The result of the sign-in page for a correct first password: the person is verified, but not signed in. */
export const firstPasswordResult = z.object({
  personId: z.string(),
  remember: z.boolean(),
  credentialVersion: z.number(),
  isSchoolAccount: z.boolean().default(false),
  /** In ms since 1970. Absent for a school account, whose form asks for the first password again. */
  verifiedAt: z.number().optional(),
});

/**
 * Requires a new password after the first password. Until then no session exists, so no other page and no token is available
 * (docs/decisions/0006-new-password-before-session.md).
 */
export function firstPassword(): interactionPolicy.Check {
  return new interactionPolicy.Check('first_password', 'the first password must be changed', ({ oidc }) => {
    const verified = firstPasswordResult.safeParse(oidc.result?.['first_password']);
    const { login, verified_password: next } = oidc.result ?? {};
    return verified.success && login === undefined && next === undefined;
  });
}
