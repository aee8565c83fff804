import type { Context } from 'koa';
import { z } from 'zod';
import { MINUTE_MS } from '../../domain/duration.ts';
import { cookieNames, UNSIGNED_COOKIE } from '../../oidc/options/cookies.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { openValue, sealValue } from '../sealed-value.ts';

/** A console session ends after this time without a request (docs/access-policy.md, rule 6). */
const IDLE_LIMIT_MS = 30 * MINUTE_MS;
/** The cookie is written again after this time, so that not every response has one. */
const RENEW_AFTER_MS = MINUTE_MS;

const activity = z.object({ seenAt: z.number() });

interface ActivityOptions {
  secrets: Secrets;
  sessionHash: string;
  /** Time of the second factor in ms since 1970; it counts as a request. */
  secondFactorAt: number;
  now: number;
}

/**
 * Records a request of a console session in a sealed cookie of this session. Without this cookie, a copied
 * session cookie is idle since its second factor.
 *
 * @returns false if the session has been idle for too long; the second factor is due again
 */
export function recordActivity(ctx: Context, { secrets, sessionHash, secondFactorAt, now }: ActivityOptions): boolean {
  const name = cookieNames(ctx.secure).console;
  // The cookie of an earlier session counts as none.
  const context = { purpose: 'console-activity', row: sessionHash } as const;
  const { seenAt = 0 } = openValue(secrets, context, activity, ctx.cookies.get(name, { signed: false })) ?? {};
  const lastAt = Math.max(seenAt, secondFactorAt);
  if (now - lastAt > IDLE_LIMIT_MS) return false;
  if (now - seenAt > RENEW_AFTER_MS) {
    ctx.cookies.set(name, sealValue(secrets, context, { seenAt: now }), UNSIGNED_COOKIE);
  }
  return true;
}
