import type { Context } from 'koa';
import { z } from 'zod';
import * as grants from '../store/grants.ts';
import type { OidcDeps } from './deps.ts';

/** Why a grant was revoked at the token endpoint: `detail.reason` of the audit event, by `grant_type`. */
const REASONS: Readonly<Record<string, string>> = {
  authorization_code: 'code_reuse',
  refresh_token: 'refresh_token_reuse',
  'urn:ietf:params:oauth:grant-type:device_code': 'device_code_reuse',
};

const tokenRequest = z.object({
  oidc: z.object({ route: z.literal('token'), params: z.object({ grant_type: z.string() }) }),
});

/** Returns the reason if the request uses a code or a refresh token; undefined at every other endpoint. */
export function reuseReasonOf(ctx: Context): string | undefined {
  const request = tokenRequest.safeParse(ctx);
  return request.success ? REASONS[request.data.oidc.params.grant_type] : undefined;
}

export type ReuseDeps = Pick<OidcDeps, 'audit' | 'log'>;

/**
 * Revokes the grant of a code or refresh token that was used a second time, with all tokens under it (RFC 6749, section 10.5; RFC 9700,
 * section 4.14.2). The transaction that finds the grant writes the audit event, so there is one for each revoked grant: the provider asks
 * once for each kind of token, and parallel requests ask at the same time.
 */
export async function revokeReused(
  { audit, log }: ReuseDeps,
  { grantHash, reason, address }: { grantHash: string; reason: string; address: string },
): Promise<void> {
  const grant = await audit.recordResult(async (tx) => {
    const revoked = await grants.endGrant(tx, grantHash);
    if (revoked === undefined) return { result: undefined, events: [] };
    const { personId: subjectId, clientId } = revoked;
    const event = { event: 'grant.revoked', outcome: 'refused' as const, subjectId, clientId, address };
    return { result: revoked, events: [{ ...event, detail: { reason } }] };
  });
  if (grant !== undefined) log.warn({ event: 'grant.revoked', reason, clientId: grant.clientId }, 'grant revoked');
}
