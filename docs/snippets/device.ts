import * as oidc from 'openid-client';
import type { Tokens } from './sign-in.ts';

/** A television shows the code and the address; the person types it on a phone. Ends when the person has answered. */
export async function signInOnTelevision(
  config: oidc.Configuration,
  show: (userCode: string, address: string) => void,
): Promise<Tokens> {
  const shown = await oidc.initiateDeviceAuthorization(config, { scope: 'openid profile children children.profile' });
  show(shown.user_code, shown.verification_uri);
  return oidc.pollDeviceAuthorizationGrant(config, shown);
}
