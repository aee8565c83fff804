import { errors, type Configuration } from 'oidc-provider';
import { HOUR_SECONDS, MINUTE_SECONDS } from '../../domain/duration.ts';
import { isTooFarAhead, MAX_AHEAD_SECONDS } from '../../domain/proof-times.ts';

/** Seconds. Clients create an assertion for each request; one hour tolerates an inexact clock. */
const MAX_ASSERTION_LIFETIME_SECONDS = HOUR_SECONDS;

type AssertAssertion = NonNullable<Configuration['assertJwtClientAuthClaimsAndHeader']>;

/**
 * Checks the times of a `private_key_jwt` assertion, for all clients:
 *
 * - `exp` is at most an hour ahead, because the service stores each assertion until then (RFC 7523, section 3, rules 4 and 7).
 * - `iat` is at most 60 seconds ahead (FAPI 2.0 Security Profile, section 5.3.2.1). The provider checks `iat` only if `exp` is missing.
 *   It has already rejected an `nbf` more than 15 seconds ahead.
 *
 * @param now ms
 * @throws {errors.InvalidClientAuth}
 */
export function createAssertionCheck(now: () => number): AssertAssertion {
  return (_ctx, { exp, iat }) => {
    if (typeof exp !== 'number' || exp > now() / 1000 + MAX_ASSERTION_LIFETIME_SECONDS) {
      throw invalidAssertion(
        `client_assertion exp must be at most ${String(MAX_ASSERTION_LIFETIME_SECONDS / MINUTE_SECONDS)} minutes ahead`,
      );
    }
    if (typeof iat === 'number' && isTooFarAhead(iat, now())) {
      throw invalidAssertion(`client_assertion iat must be at most ${String(MAX_AHEAD_SECONDS)} seconds ahead`);
    }
  };
}

/** Creates an error whose description is public: the client has already proven its key. */
export function invalidAssertion(description: string): errors.InvalidClientAuth {
  return Object.assign(new errors.InvalidClientAuth(description), { error_description: description });
}
