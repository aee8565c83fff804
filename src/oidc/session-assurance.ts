import type Provider from 'oidc-provider';
import type { Session } from 'oidc-provider';
import { z } from 'zod';
import { ACR_PASSWORD, ACR_TWO_FACTORS } from './options/claims.ts';

/** The assurance of the authentication of a session. */
export interface Assurance {
  /** `urn:kinpass:aal1` or `urn:kinpass:aal2`. */
  acr: string;
  /** Time of the last verification of a second factor in this session, ms since 1970; undefined without one. */
  secondFactorAt: number | undefined;
}

/** The result of the second-factor page. The provider stores it with the interaction. */
export const secondFactorResult = z.object({
  personId: z.string(),
  /** The version of the person's credential in the transaction that verified the second factor. */
  credentialVersion: z.number(),
  /** In ms since 1970. */
  verifiedAt: z.number(),
  amr: z.array(z.string()),
});

const storedAssurance = z.object({ acr: z.string().optional(), secondFactorAt: z.number().optional() });

export function assuranceOf(session: Session): Assurance {
  const { acr = ACR_PASSWORD, secondFactorAt } = storedAssurance.parse(session);
  return { acr, secondFactorAt };
}

/**
 * Raises the assurance of the session after a second factor. A sign-in without one lowers it: the session then has a new `auth_time` that
 * no second factor belongs to.
 */
export function updateSessionAssurance(provider: Provider): void {
  provider.on('interaction.ended', (ctx) => {
    const { session, result } = ctx.oidc;
    if (session === undefined || result === undefined) return;
    const verified = secondFactorResult.safeParse(result['second_factor']);
    if (verified.success && verified.data.personId === session.accountId) {
      const { amr, verifiedAt } = verified.data;
      Object.assign(session, { acr: ACR_TWO_FACTORS, amr, secondFactorAt: verifiedAt });
    } else if (result.login !== undefined) {
      Object.assign(session, { secondFactorAt: undefined });
    }
  });
}
