import * as oidc from 'openid-client';

/** What your page says when a sign-in did not end with tokens. */
export type Advice = 'show-sign-in' | 'person-said-no' | 'try-again-later' | 'start-anew' | 'tell-developer';

const NEEDS_A_PAGE = ['login_required', 'interaction_required', 'consent_required', 'account_selection_required'];

/** `error` is what `authorizationCodeGrant` threw. */
export function explain(error: unknown): Advice {
  if (error instanceof oidc.AuthorizationResponseError) {
    if (NEEDS_A_PAGE.includes(error.error)) return 'show-sign-in';
    if (error.error === 'access_denied') return 'person-said-no';
    return error.error === 'temporarily_unavailable' || error.error === 'server_error'
      ? 'try-again-later'
      : 'tell-developer';
  }
  if (error instanceof oidc.ResponseBodyError) return error.error === 'invalid_grant' ? 'start-anew' : 'tell-developer';
  // Anything else that is no outage is an answer that was not meant for this browser: an old tab, or an attack.
  return isOutage(error) ? 'try-again-later' : 'start-anew';
}

function isOutage(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Response) return cause.status >= 500;
  return [error, cause].some(
    (one) => one instanceof TypeError || (one instanceof Error && one.name === 'TimeoutError'),
  );
}
