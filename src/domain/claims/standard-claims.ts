import type { Identifier, PersonFacts } from '../model.ts';
import { claimsForScopes } from './scopes.ts';
import type { Scope } from './scopes.ts';

/** Standard claims of OpenID Connect Core, section 5.1. Unknown values are omitted (section 5.3.2). */
export interface StandardClaims {
  name?: string;
  preferred_username?: string;
  locale?: string;
  /** Seconds since 1970. */
  updated_at?: number;
  email?: string;
  email_verified?: boolean;
  phone_number?: string;
  phone_number_verified?: boolean;
}

/** Returns the verified identifier of a kind, otherwise the first. */
export function pickIdentifier(facts: PersonFacts, kind: Identifier['kind']): Identifier | undefined {
  const all = facts.identifiers.filter((identifier) => identifier.kind === kind);
  return all.find((identifier) => identifier.isVerified) ?? all[0];
}

/**
 * Returns the standard claims that the granted scopes release. `preferred_username` is the account name. The email address replaces it only
 * with the `email` scope, which a client needs to receive the address. Otherwise it is the `sub`, because many products need a user name.
 */
export function standardClaims(facts: PersonFacts, scopes: readonly Scope[], sub: string): StandardClaims {
  const released = claimsForScopes(scopes);
  const email = released.has('email') ? pickIdentifier(facts, 'email') : undefined;
  const phone = released.has('phone_number') ? pickIdentifier(facts, 'mobile') : undefined;
  const username = pickIdentifier(facts, 'account') ?? email;
  return {
    ...(released.has('name') && {
      name: facts.name,
      preferred_username: username?.value ?? sub,
      ...(facts.locale !== undefined && { locale: facts.locale }),
      updated_at: Math.floor(facts.updatedAt / 1000),
    }),
    ...(email && { email: email.value, email_verified: email.isVerified }),
    ...(phone && { phone_number: phone.value, phone_number_verified: phone.isVerified }),
  };
}
