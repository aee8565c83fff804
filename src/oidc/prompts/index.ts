import type { KoaContextWithOIDC, interactionPolicy } from 'oidc-provider';
import type { ContextResolver } from '../contexts/context-selection.ts';
import type { OidcDeps } from '../deps.ts';
import { consentPrompt } from './consent.ts';
import { loginPrompt } from './login.ts';
import { newPasswordPrompt } from './new-password.ts';
import { selectAccountPrompt } from './select-account.ts';

/** What a person can be asked on the way to an app, in this order; the first that is unanswered is shown. */
export function createPrompts(deps: OidcDeps, contextResolver: ContextResolver): interactionPolicy.Prompt[] {
  return [newPasswordPrompt(), loginPrompt(contextResolver), selectAccountPrompt(contextResolver), consentPrompt(deps)];
}

export type PendingCheck = (ctx: KoaContextWithOIDC) => Promise<boolean>;

/** Whether any prompt is still unanswered. */
export function createPendingCheck(prompts: readonly interactionPolicy.Prompt[]): PendingCheck {
  return async (ctx) => {
    for (const prompt of prompts) {
      for (const { check } of prompt.checks) {
        if (await check(ctx)) return true;
      }
    }
    return false;
  };
}
