import { interactionPolicy } from 'oidc-provider';

/**
 * Creates the login prompt: the provider's own checks (no session, max_age, prompt=login, id_token_hint), then the given ones. The
 * provider's checks of `acr` are removed: they would request the password again and again.
 */
export function createLoginPrompt(checks: readonly interactionPolicy.Check[]): interactionPolicy.Prompt {
  const prompt = interactionPolicy.base().get('login');
  if (prompt === undefined) throw new Error('oidc-provider has no login prompt');
  prompt.checks.remove('essential_acr');
  prompt.checks.remove('essential_acrs');
  for (const check of checks) prompt.checks.add(check);
  return prompt;
}
