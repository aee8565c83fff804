import { errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { z } from 'zod';
import type { ContextResolver } from '../contexts/context-selection.ts';
import { ACR_PASSWORD } from '../options/claims.ts';
import { wantsOtherAccount } from '../options/device-flow.ts';

const { Check, base } = interactionPolicy;

/** The provider's own login prompt (no session, max_age, prompt=login, id_token_hint), and four checks of ours. */
export function loginPrompt(contextResolver: ContextResolver): interactionPolicy.Prompt {
  const prompt = base().get('login');
  if (prompt === undefined) throw new Error('the provider has no login prompt');
  prompt.checks.remove('essential_acr');
  prompt.checks.remove('essential_acrs');
  prompt.checks.add(new Check('unmet_acr', 'the sign-in can not be as strong as asked for', assertAcrSupported));
  prompt.checks.add(
    new Check(
      'person_unavailable',
      'the signed-in person is disabled or gone',
      'login_required',
      ({ oidc }) => oidc.session?.accountId !== undefined && oidc.account === undefined,
    ),
  );
  prompt.checks.add(
    new Check(
      'switch_account',
      'the person wants to sign in as somebody else',
      'login_required',
      (ctx) =>
        wantsOtherAccount(ctx) ||
        (ctx.oidc.result?.['switch_account'] !== undefined && ctx.oidc.result.login === undefined),
    ),
  );
  prompt.checks.add(
    new Check(
      'account_selection_requested',
      'an account must be selected',
      'account_selection_required',
      async (ctx) => {
        const wanted = ctx.oidc.prompts.has('select_account') && ctx.oidc.result?.login === undefined;
        return wanted && !(await contextResolver.resolve(ctx)).requested;
      },
    ),
  );
  return prompt;
}

const requestedAcr = z.object({
  essential: z.literal(true),
  value: z.string().optional(),
  values: z.array(z.string()).optional(),
});

/**
 * An app that cannot do without an `acr` that nobody here can reach is told so at once (OpenID Connect Core 1.0, section 5.5.1.1).
 * The provider's own checks would ask for the password again and again.
 *
 * @throws {errors.UnmetAuthenticationRequirements}
 */
function assertAcrSupported({ oidc }: KoaContextWithOIDC): boolean {
  const wish = requestedAcr.safeParse(oidc.claims.id_token?.['acr']);
  if (!wish.success) return false;
  const { value, values = value === undefined ? [] : [value] } = wish.data;
  if (values.length > 0 && !values.includes(ACR_PASSWORD)) {
    throw new errors.UnmetAuthenticationRequirements('the requested acr is not available');
  }
  return false;
}
