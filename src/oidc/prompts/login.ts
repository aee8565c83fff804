import { interactionPolicy } from 'oidc-provider';

/**
 * Creates the login prompt: the provider's own checks (no session, max_age, prompt=login), then the given ones. The provider's checks of
 * `acr` are removed, because they would request the password again and again, and that of `id_token_hint`, which a given check replaces.
 */
export function createLoginPrompt(checks: readonly interactionPolicy.Check[]): interactionPolicy.Prompt {
  const prompt = interactionPolicy.base().get('login');
  if (prompt === undefined) throw new Error('oidc-provider has no login prompt');
  prompt.checks.remove('essential_acr');
  prompt.checks.remove('essential_acrs');
  prompt.checks.remove('id_token_hint');
  for (const check of checks) prompt.checks.add(check);
  return prompt;
}
