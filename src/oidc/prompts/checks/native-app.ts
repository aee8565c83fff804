import { interactionPolicy } from 'oidc-provider';

/**
 * Requires a user gesture before a redirect to a native app without an https redirect URI: another app on the device can register the same
 * private-use scheme (RFC 8252, section 8.6).
 */
export function nativeApp(): interactionPolicy.Check {
  return new interactionPolicy.Check(
    'native_app',
    'a native app requires a user gesture',
    'interaction_required',
    ({ oidc }) => {
      const redirectUri = oidc.params?.['redirect_uri'];
      const isClaimedHttps = typeof redirectUri === 'string' && redirectUri.startsWith('https:');
      return oidc.client?.applicationType === 'native' && !isClaimedHttps && oidc.result === undefined;
    },
  );
}
