import { childOf } from '../shared/identity.ts';
import type { Context } from '../shared/sessions.ts';

/** What a context may do here. Nothing else decides it. */
export type Access =
  { kind: 'bills'; child: string; mayPay: boolean } | { kind: 'noChild' | 'noPermission' | 'noRole' };

/** Paying needs a sign-in that is at most this many seconds old. */
export const RECENT = 300;

/** A parent sees the child's bills with `fees:read`, and settles them with `fees:pay`. Other roles have nothing here. */
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
  return authTime !== undefined && Math.floor(now / 1000) - authTime <= RECENT;
}
