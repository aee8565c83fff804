import * as oidc from 'openid-client';

/** End your own session first, then redirect here. The service ends its session and notifies the other apps. */
export function signOutUrl(config: oidc.Configuration, idToken: string, backTo: string): URL {
  return oidc.buildEndSessionUrl(config, { id_token_hint: idToken, post_logout_redirect_uri: backTo });
}
