import type { interactionPolicy, KoaContextWithOIDC } from 'oidc-provider';

/**
 * Finds the check that the provider adds to each requestable prompt: the app requested it by the `prompt` parameter.
 *
 * @throws {Error} if the provider adds no such check, for example after an upgrade
 */
export function requestedCheck(prompt: interactionPolicy.Prompt): interactionPolicy.Check {
  const check = prompt.checks.find(({ reason }) => reason === `${prompt.name}_prompt`);
  if (check === undefined) throw new Error(`oidc-provider has no check ${prompt.name}_prompt`);
  return check;
}

/** Ignores the `prompt` parameter for requests that do not fulfill the condition. @returns the same prompt */
export function restrictRequestedCheck(
  prompt: interactionPolicy.Prompt,
  condition: (ctx: KoaContextWithOIDC) => boolean | Promise<boolean>,
): interactionPolicy.Prompt {
  const requested = requestedCheck(prompt);
  const isRequested = requested.check;
  requested.check = async (ctx) => (await condition(ctx)) && isRequested(ctx);
  return prompt;
}
