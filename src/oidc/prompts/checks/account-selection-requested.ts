import { interactionPolicy } from 'oidc-provider';
import type { ContextResolver } from '../../contexts/context-selection.ts';

/** Requires a sign-in for `prompt=select_account` at apps without a context. */
export function accountSelectionRequested(contextResolver: ContextResolver): interactionPolicy.Check {
  return new interactionPolicy.Check(
    'account_selection_requested',
    'an account must be selected',
    'account_selection_required',
    async (ctx) => {
      const isPending = ctx.oidc.prompts.has('select_account') && ctx.oidc.result?.login === undefined;
      return isPending && !(await contextResolver.resolve(ctx)).requested;
    },
  );
}
