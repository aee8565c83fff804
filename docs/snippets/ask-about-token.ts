import * as oidc from 'openid-client';

const API = 'https://bills.city.example/';

/** For an API with opaque tokens: asks the service each time, so an end is heard at once (RFC 7662). */
export async function askAbout(
  config: oidc.Configuration,
  token: string,
): Promise<oidc.IntrospectionResponse | undefined> {
  const told = await oidc.tokenIntrospection(config, token);
  return told.active && told.aud === API ? told : undefined;
}
