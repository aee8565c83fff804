import { interactionPolicy } from 'oidc-provider';
import type { ContextResolver } from '../../contexts/context-selection.ts';

/** Requires the person to select a context, for example a child (docs/claims.md, rule 7). */
export function contextNotSelected(contextResolver: ContextResolver): interactionPolicy.Check {
  return new interactionPolicy.Check(
    'context_not_selected',
    'the person must choose a context: send no prompt=none, or name a context by id_token_hint or claims',
    'account_selection_required',
    async (ctx) => {
      const { requested, selected } = await contextResolver.resolve(ctx);
      return requested && selected === undefined;
    },
  );
}
