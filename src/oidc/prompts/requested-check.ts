import type { interactionPolicy } from 'oidc-provider';

/**
 * The check that the provider adds to each prompt that an app can ask for by the `prompt` parameter.
 *
 * @throws {Error} when an upgrade of the provider has renamed it
 */
export function requestedCheck(prompt: interactionPolicy.Prompt): interactionPolicy.Check {
  const check = prompt.checks.find(({ reason }) => reason === `${prompt.name}_prompt`);
  if (check === undefined) throw new Error(`the provider has no check ${prompt.name}_prompt`);
  return check;
}
