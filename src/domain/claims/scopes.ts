import type { ClientEntitlements } from '../model.ts';

/**
 * The claims that each scope releases (docs/claims.md; OpenID Connect Core 1.0, section 5.4). `children.profile` adds fields to each entry
 * of `children`, and `offline_access` a refresh token, so neither has a claim.
 */
export const SCOPE_CLAIMS = {
  openid: ['sub'],
  profile: ['name', 'preferred_username', 'locale', 'updated_at'],
  email: ['email', 'email_verified'],
  phone: ['phone_number', 'phone_number_verified'],
  roles: ['roles', 'affiliations'],
  children: ['children', 'acting'],
  'children.profile': [],
  offline_access: [],
} as const satisfies Record<string, readonly string[]>;

export type Scope = keyof typeof SCOPE_CLAIMS;
export type ReleasedClaim = (typeof SCOPE_CLAIMS)[Scope][number];

export function isScope(value: string): value is Scope {
  return Object.hasOwn(SCOPE_CLAIMS, value);
}

/** All scopes of the service, in the order of the table. */
export const SCOPES: readonly Scope[] = Object.keys(SCOPE_CLAIMS).filter(isScope);

/** Returns the scopes of a grant that the client is still registered for. A withdrawn scope takes effect in old grants, too. */
export function allowedScopes(scopes: readonly string[], entitlements: ClientEntitlements): Scope[] {
  return SCOPES.filter((scope) => scopes.includes(scope) && entitlements.scopes.includes(scope));
}

/** Returns the claims that several scopes release together. */
export function claimsForScopes(scopes: readonly Scope[]): ReadonlySet<ReleasedClaim> {
  return new Set(scopes.flatMap((scope): readonly ReleasedClaim[] => SCOPE_CLAIMS[scope]));
}

/** Returns true if a request needs an acting context. Only the scope `children` releases it. */
export function requiresActingContext(scopes: readonly string[], entitlements: ClientEntitlements): boolean {
  return claimsForScopes(allowedScopes(scopes, entitlements)).has('acting');
}

/**
 * Returns a scope of an API as a grant stores it, because two APIs may use the same scope name. The identifier of an API contains no `#`
 * (RFC 8707, section 2).
 */
export function apiScope(identifier: string, scope: string): string {
  return `${identifier}#${scope}`;
}

/** Splits the result of `apiScope`. @returns undefined for a scope of the service itself */
export function parseApiScope(text: string): { identifier: string; scope: string } | undefined {
  const at = text.indexOf('#');
  return at < 0 ? undefined : { identifier: text.slice(0, at), scope: text.slice(at + 1) };
}
