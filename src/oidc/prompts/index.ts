import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import type { ContextResolver } from '../contexts/context-selection.ts';
import type { OidcDeps } from '../deps.ts';
import { accountSelectionRequested } from './checks/account-selection-requested.ts';
import { assuranceTooLow } from './checks/assurance-too-low.ts';
import { consentMissing } from './checks/consent-missing.ts';
import { consentUndecided } from './checks/consent-undecided.ts';
import { contextNotSelected } from './checks/context-not-selected.ts';
import { enrollmentNotRecent } from './checks/enrollment-not-recent.ts';
import { firstPassword } from './checks/first-password.ts';
import { isFirstParty } from './first-party.ts';
import { nativeApp } from './checks/native-app.ts';
import { otherPersonHinted } from './checks/other-person-hinted.ts';
import { personUnavailable } from './checks/person-unavailable.ts';
import { schoolAccountRefused } from './checks/school-account-refused.ts';
import { secondFactorOutstanding } from './checks/second-factor-outstanding.ts';
import { sharingStopped } from './checks/sharing-stopped.ts';
import { switchAccount } from './checks/switch-account.ts';
import { unmetAcr } from './checks/unmet-acr.ts';
import { createLoginPrompt } from './login.ts';
import { restrictRequestedCheck } from './requested-check.ts';

const { Prompt } = interactionPolicy;

/**
 * Lists the prompts of an authorization request and the checks of each, in order. The page of the first open check is shown. An app can
 * request a `requestable` prompt by the `prompt` parameter.
 */
export function createPrompts(deps: OidcDeps, contextResolver: ContextResolver): interactionPolicy.Prompt[] {
  const login = createLoginPrompt([
    unmetAcr(),
    personUnavailable(),
    otherPersonHinted(deps),
    switchAccount(),
    accountSelectionRequested(contextResolver),
    enrollmentNotRecent(deps),
  ]);
  return [
    new Prompt({ name: 'new_password', requestable: false }, firstPassword()),
    // Before the login prompt: after a correct password there is no session yet, so the checks of the login prompt are still open.
    new Prompt(
      { name: 'second_factor', requestable: false },
      secondFactorOutstanding(),
      assuranceTooLow(deps, createPendingCheck([login])),
    ),
    login,
    new Prompt({ name: 'binding', requestable: false }, schoolAccountRefused(deps, contextResolver)),
    new Prompt({ name: 'sharing', requestable: false }, sharingStopped(contextResolver)),
    new Prompt({ name: 'adulthood', requestable: false }, consentUndecided(deps, contextResolver)),
    // Named `select_account`, so an app can request the selection by the standard `prompt` value. For apps without a context the login
    // prompt answers that value.
    restrictRequestedCheck(
      new Prompt({ name: 'select_account', requestable: true }, contextNotSelected(contextResolver)),
      async (ctx) => (await contextResolver.resolve(ctx)).requested,
    ),
    // OpenID Connect requires `prompt=consent` for offline_access (OpenID Connect Core 1.0, section 11). First-party apps need no consent.
    restrictRequestedCheck(
      new Prompt({ name: 'consent', requestable: true }, consentMissing(deps), nativeApp()),
      (ctx) => !isFirstParty(deps, ctx),
    ),
  ];
}

export type PendingCheck = (ctx: KoaContextWithOIDC) => Promise<boolean>;

/** Creates a function that returns true if any check is open. */
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
