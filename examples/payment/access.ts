import { childOf } from '../shared/identity.ts';
import type { Context } from '../shared/sessions.ts';

/** What a context may do. No other file decides it. */
export type Access =
  { kind: 'bills'; child: string; mayPay: boolean } | { kind: 'noChild' | 'noPermission' | 'noRole' };

/** Maximum age of the sign-in for a payment, in seconds. */
export const MAX_AUTH_AGE_SECONDS = 300;

/** Returns bills for a parent with `fees:read`, payable with `fees:pay`. Other roles see nothing. */
export function accessOf(context: Context): Access {
  const { acting } = context;
  if (acting === undefined) return { kind: 'noChild' };
  if (acting.role !== 'parent') return { kind: 'noRole' };
  const child = childOf(context);
  if (child === undefined) return { kind: 'noChild' };
  if (!acting.permissions.includes('fees:read')) return { kind: 'noPermission' };
  return { kind: 'bills', child: child.sub, mayPay: acting.permissions.includes('fees:pay') };
}

/** @param now the present in milliseconds since 1970 */
export function isRecent({ authTime }: Context, now: number): boolean {
  // Whole seconds on both sides, as the service counts them for `max_age`.
  return authTime !== undefined && Math.floor(now / 1000) - authTime <= MAX_AUTH_AGE_SECONDS;
}
