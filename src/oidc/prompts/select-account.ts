import { interactionPolicy } from 'oidc-provider';
import type { ContextResolver } from '../contexts/context-selection.ts';
import { requestedCheck } from './requested-check.ts';

const { Check, Prompt } = interactionPolicy;

/**
 * Which identity, and which child (docs/claims.md, rule 7). Named `select_account`, so that an app can ask for it again with the
 * standard `prompt` value.
 */
export function selectAccountPrompt(contextResolver: ContextResolver): interactionPolicy.Prompt {
  const prompt = new Prompt(
    { name: 'select_account', requestable: true },
    new Check('context_not_selected', 'an identity must be chosen', 'account_selection_required', async (ctx) => {
      const { requested, selected } = await contextResolver.resolve(ctx);
      return requested && selected === undefined;
    }),
  );
  // Where an app asks for no identity there is nothing to choose here: the login prompt answers `select_account` then.
  const requested = requestedCheck(prompt);
  const ask = requested.check;
  requested.check = async (ctx) => (await contextResolver.resolve(ctx)).requested && ask(ctx);
  return prompt;
}
