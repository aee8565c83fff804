import type { Context } from 'koa';
import Provider, { type AdapterPayload } from 'oidc-provider';
import { z } from 'zod';

/** By `grant_type`: `detail.reason` of the audit event of a grant that was revoked at the token endpoint. */
const REASONS: Readonly<Record<string, string>> = {
  authorization_code: 'code_reuse',
  refresh_token: 'refresh_token_reuse',
  'urn:ietf:params:oauth:grant-type:device_code': 'device_code_reuse',
};

const tokenRequest = z.object({
  oidc: z.object({ route: z.literal('token'), params: z.object({ grant_type: z.string() }) }),
});

/** Returns the reason if the request uses a code or a refresh token; undefined at every other endpoint. */
export function findReuseReason(ctx: Context): string | undefined {
  const request = tokenRequest.safeParse(ctx);
  return request.success ? REASONS[request.data.oidc.params.grant_type] : undefined;
}

/**
 * The fields of a refresh token that the provider and `findAccount` read before they detect its reuse: expiry, client, grant, person,
 * scopes and bound key. `jti` destroys the token. The column `consumed_at` holds the time.
 *
 * @see https://github.com/panva/node-oidc-provider/blob/main/lib/actions/grants/refresh_token.js
 */
const REUSE_FIELDS = ['jti', 'exp', 'clientId', 'grantId', 'accountId', 'scope', 'jkt', 'x5t#S256'];

/**
 * Returns the payload that a refresh token keeps when the current request consumes it. All other fields, such as `claims` and `nonce`, are
 * only copied to the next token. Undefined for other models: codes expire soon.
 */
export function findReuseFields(model: string, id: string): AdapterPayload | undefined {
  const token = Provider.ctx?.oidc.entities.RefreshToken;
  if (model !== 'RefreshToken' || token?.jti !== id) return undefined;
  return Object.fromEntries(REUSE_FIELDS.map((name) => [name, Reflect.get(token, name)]));
}
