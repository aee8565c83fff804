/** The baseline: plain oidc-provider in memory, with similar client, keys and claims. Started by service.ts. */
import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

const [, , portText = '0', tokensText = '1'] = process.argv;
const port = Number(portText);
const { privateKey } = await generateKeyPair('ES256', { extractable: true });
const jwk = { ...(await exportJWK(privateKey)), kid: 'bench', alg: 'ES256', use: 'sig' };
const provider = new Provider(`http://localhost:${port}`, {
  clients: [
    {
      client_id: 'bench',
      client_secret: 'bench-secret',
      redirect_uris: ['https://bench.example/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: { keys: [{ ...jwk, kty: 'EC' }] },
  cookies: { keys: ['bench'] },
  scopes: ['openid', 'offline_access', 'roles', 'children.profile'],
  claims: { openid: ['sub'], roles: ['roles'], 'children.profile': ['children'] },
  rotateRefreshToken: false,
  features: { devInteractions: { enabled: false } },
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, roles: ['parent'], children: [{ sub: 'a', name: '王小安' }] }),
  }),
});
const client = await provider.Client.find('bench');
if (client === undefined) throw new Error('client "bench" is not registered');
const scope = 'openid offline_access roles children.profile';
const tokens: { refresh: string; access: string }[] = [];
for (let i = 0; i < Number(tokensText); i += 1) {
  const accountId = randomUUID();
  const grant = new provider.Grant({ accountId, clientId: 'bench' });
  grant.addOIDCScope(scope);
  const grantId = await grant.save();
  const shared = { accountId, client, grantId, gty: 'authorization_code', scope };
  const refresh = await new provider.RefreshToken({
    ...shared,
    authTime: Math.floor(Date.now() / 1000),
    rotations: 0,
  }).save();
  const access = await new provider.AccessToken(shared).save();
  tokens.push({ refresh, access });
}
provider.listen(port, 'localhost', () => process.send?.(tokens));
