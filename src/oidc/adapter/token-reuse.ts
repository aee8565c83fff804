import type { Context } from 'koa';
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
