import { createRemoteJWKSet, jwtVerify, type JWTPayload } from 'jose';

/** For an API: checks the token of `Authorization: Bearer …` (RFC 9068). Throws: answer 401. `undefined`: answer 403. */
export function createGuard(issuer: string, jwksUri: string): (token: string) => Promise<JWTPayload | undefined> {
  const keys = createRemoteJWKSet(new URL(jwksUri));
  return async (token) => {
    const { payload } = await jwtVerify(token, keys, {
      issuer,
      audience: 'https://notices.city.example/',
      typ: 'at+jwt',
      algorithms: ['ES256'],
    });
    const scopes = typeof payload['scope'] === 'string' ? payload['scope'].split(' ') : [];
    return scopes.includes('notices.read') ? payload : undefined;
  };
}
