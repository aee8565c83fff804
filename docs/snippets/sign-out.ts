import * as oidc from 'openid-client';

/** End your own session first, then send the browser here: the service ends its session and tells the other apps. */
export function signOutUrl(config: oidc.Configuration, idToken: string, backTo: string): URL {
  return oidc.buildEndSessionUrl(config, { id_token_hint: idToken, post_logout_redirect_uri: backTo });
}
