import type { ClientEntitlements } from '../model.ts';

/**
 * Which claims a scope releases (docs/claims.md; OpenID Connect Core 1.0, section 5.4). The one place where it is written.
 * `children.profile` adds fields to each entry of `children`, and `offline_access` a refresh token, so neither has a claim.
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

/** Every scope that the service knows, in the order of the table. */
export const SCOPES: readonly Scope[] = Object.keys(SCOPE_CLAIMS).filter(isScope);

/** The scopes of a grant that the relying party is still registered for: an old grant outlives no change of its ceiling. */
export function allowedScopes(scopes: readonly string[], entitlements: ClientEntitlements): Scope[] {
  return SCOPES.filter((scope) => scopes.includes(scope) && entitlements.scopes.includes(scope));
}

/** The claims that these scopes release together. */
export function claimsForScopes(scopes: readonly Scope[]): ReadonlySet<ReleasedClaim> {
  return new Set(scopes.flatMap((scope): readonly ReleasedClaim[] => SCOPE_CLAIMS[scope]));
}

/** Whether a request needs an identity at all: without `children` nothing would be told of it, so nobody is asked. */
export function requiresActingContext(scopes: readonly string[], entitlements: ClientEntitlements): boolean {
  return claimsForScopes(allowedScopes(scopes, entitlements)).has('acting');
}

/**
 * A scope of an API, as it is kept with a grant: two APIs may use the same word for different things. `#` stands in no identifier
 * of an API (RFC 8707, section 2).
 */
export function apiScope(identifier: string, scope: string): string {
  return `${identifier}#${scope}`;
}

/** The parts of what `apiScope` made; undefined for a scope of our own. */
export function parseApiScope(text: string): { identifier: string; scope: string } | undefined {
  const at = text.indexOf('#');
  return at < 0 ? undefined : { identifier: text.slice(0, at), scope: text.slice(at + 1) };
}
