import type { Identifier, PersonFacts } from '../model.ts';
import { claimsForScopes } from './scopes.ts';
import type { Scope } from './scopes.ts';

/** Standard claims of OpenID Connect Core, section 5.1. What is unknown is left out, as section 5.3.2 asks. */
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

/** The verified one of a kind, otherwise the first. */
function pick(facts: PersonFacts, kind: Identifier['kind']): Identifier | undefined {
  const all = facts.identifiers.filter((identifier) => identifier.kind === kind);
  return all.find((identifier) => identifier.verified) ?? all[0];
}

/**
 * The standard claims that the granted scopes release. `preferred_username` is the account name; the e-mail address stands in
 * for it only where the `email` scope is granted too, otherwise a party that gets no e-mail would get it by this door.
 */
export function standardClaims(facts: PersonFacts, scopes: readonly Scope[]): StandardClaims {
  const released = claimsForScopes(scopes);
  const email = released.has('email') ? pick(facts, 'email') : undefined;
  const phone = released.has('phone_number') ? pick(facts, 'mobile') : undefined;
  const username = pick(facts, 'account') ?? email;
  return {
    ...(released.has('name') && {
      name: facts.name,
      ...(username && { preferred_username: username.value }),
      ...(facts.locale !== undefined && { locale: facts.locale }),
      updated_at: Math.floor(facts.updatedAt / 1000),
    }),
    ...(email && { email: email.value, email_verified: email.verified }),
    ...(phone && { phone_number: phone.value, phone_number_verified: phone.verified }),
  };
}
