import * as oidc from 'openid-client';
import type { Tokens } from './sign-in.ts';

/** The television shows the code and the address, and the person types it on a phone. Waits for the answer. */
export async function signInOnTelevision(
  config: oidc.Configuration,
  show: (userCode: string, address: string) => void,
): Promise<Tokens> {
  const shown = await oidc.initiateDeviceAuthorization(config, { scope: 'openid profile children children.profile' });
  show(shown.user_code, shown.verification_uri);
  return oidc.pollDeviceAuthorizationGrant(config, shown);
}
