import type { Child } from '../shared/claims.ts';
import { childOf } from '../shared/identity.ts';
import type { Context } from '../shared/sessions.ts';

/** What a context may do. No other file decides it. */
export type Access =
  { kind: 'bills'; child: string; mayPay: boolean } | { kind: 'noChild' | 'noPermission' | 'noRole' };

/** A child whose bills the family page shows. */
export interface FamilyMember {
  child: Child;
  mayPay: boolean;
}

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

/**
 * Returns the children of a parent whose bills may be read. `acting` names one child only, so each child is decided by its
 * own permissions in the claim `children`. Any other role, for example a teacher, sees no children.
 */
export function familyOf({ acting, person }: Context): FamilyMember[] {
  if (acting?.role !== 'parent') return [];
  return person.children
    .filter(({ permissions }) => permissions.includes('fees:read'))
    .map((child) => ({ child, mayPay: child.permissions.includes('fees:pay') }));
}

/** @param now the present in milliseconds since 1970 */
export function isRecent({ authTime }: Context, now: number): boolean {
  // Whole seconds on both sides, as the service counts them for `max_age`.
  return authTime !== undefined && Math.floor(now / 1000) - authTime <= MAX_AUTH_AGE_SECONDS;
}
