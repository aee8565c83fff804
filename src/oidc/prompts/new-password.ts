import { interactionPolicy } from 'oidc-provider';
import { z } from 'zod';

const { Check, Prompt } = interactionPolicy;

/** Set by the sign-in page when a first password was right: the person is known, and not signed in. */
export const firstPasswordResult = z.object({
  personId: z.string(),
  remember: z.boolean(),
  credentialVersion: z.number(),
});

/**
 * A first password opens nothing but this step. No session exists before it is done, so no other page or token can either
 * (docs/decisions/0006-new-password-before-session.md).
 */
export function newPasswordPrompt(): interactionPolicy.Prompt {
  return new Prompt(
    { name: 'new_password', requestable: false },
    new Check('first_password', 'the first password must be changed', ({ oidc }) => {
      const verified = firstPasswordResult.safeParse(oidc.result?.['first_password']);
      return verified.success && oidc.result?.login === undefined;
    }),
  );
}
