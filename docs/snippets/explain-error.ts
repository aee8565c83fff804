import * as oidc from 'openid-client';

/** The reaction of your page to a failed sign-in. */
export type Advice = 'show-sign-in' | 'person-said-no' | 'try-again-later' | 'start-over' | 'tell-developer';

const NEEDS_A_PAGE = ['login_required', 'interaction_required', 'consent_required', 'account_selection_required'];

/** `error` is the exception of `authorizationCodeGrant`. */
export function explain(error: unknown): Advice {
  if (error instanceof oidc.AuthorizationResponseError) {
    if (NEEDS_A_PAGE.includes(error.error)) return 'show-sign-in';
    if (error.error === 'access_denied') return 'person-said-no';
    return error.error === 'temporarily_unavailable' || error.error === 'server_error'
      ? 'try-again-later'
      : 'tell-developer';
  }
  if (error instanceof oidc.ResponseBodyError) return error.error === 'invalid_grant' ? 'start-over' : 'tell-developer';
  // Any other error except an outage: the response does not belong to this browser. An old tab, or an attack.
  return isOutage(error) ? 'try-again-later' : 'start-over';
}

function isOutage(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Response) return cause.status >= 500;
  return [error, cause].some(
    (one) => one instanceof TypeError || (one instanceof Error && one.name === 'TimeoutError'),
  );
}
