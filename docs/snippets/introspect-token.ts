import * as oidc from 'openid-client';

const API = 'https://bills.city.example/';

/** For an API with opaque tokens: asks the service each time, so a revocation takes effect at once (RFC 7662). */
export async function askAbout(
  config: oidc.Configuration,
  token: string,
): Promise<oidc.IntrospectionResponse | undefined> {
  const response = await oidc.tokenIntrospection(config, token);
  return response.active && response.aud === API ? response : undefined;
}
