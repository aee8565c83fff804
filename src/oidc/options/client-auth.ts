import { errors, type Configuration } from 'oidc-provider';

/** Seconds. A client makes a new assertion for each request, so minutes would do; this forgives a clock that is off. */
export const ASSERTION_LIFE = 60 * 60;

type AssertAssertion = NonNullable<Configuration['assertJwtClientAuthClaimsAndHeader']>;

/**
 * What an assertion of a `private_key_jwt` client has to say besides the provider's own checks: it ends soon, because each one is
 * remembered until then so that it works once (RFC 7523, section 3, rules 4 and 7).
 *
 * @param now ms
 * @throws {errors.InvalidClientAuth}
 */
export function createAssertionCheck(now: () => number): AssertAssertion {
  return (_ctx, { exp }) => {
    if (typeof exp !== 'number' || exp > now() / 1000 + ASSERTION_LIFE) {
      throw new errors.InvalidClientAuth('exp of the client_assertion is too far away');
    }
  };
}
