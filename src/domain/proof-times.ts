/**
 * Seconds. A client assertion or DPoP proof with a later `iat` is rejected (FAPI 2.0 Security Profile, section 5.3.2.1). Otherwise an
 * attacker with temporary access to the key could create proofs for a later time.
 */
export const MAX_AHEAD_SECONDS = 60;

/** Seconds that the clocks of two nodes may differ. */
const NODE_CLOCK_SKEW_SECONDS = 60;

/** Returns true if `iat` (seconds since 1970) is too far ahead of `now` (ms). */
export function isTooFarAhead(iat: number, now: number): boolean {
  return iat > Math.floor(now / 1000) + MAX_AHEAD_SECONDS;
}

/**
 * Returns the instant (ms) until which a used assertion or proof is remembered, so that no copy of it is accepted.
 *
 * - An assertion is accepted while the whole second of the clock is below `exp` and the tolerance. `exp` may have a fraction, so that is
 *   up to 1 s longer.
 * - A proof is accepted until 300 s after its `iat`. The provider passes 300 s after its first use, and then `iat` may be 60 s ahead:
 *   60 s, and 1 s for the fraction.
 * - The node that purges may be ahead of the node that receives the copy: 60 s.
 *
 * @param exp seconds since 1970, as the provider passes it to `ReplayDetection.unique`: with its clock tolerance
 */
export function replayProtectedUntil(exp: number): number {
  return (Math.ceil(exp) + MAX_AHEAD_SECONDS + 1 + NODE_CLOCK_SKEW_SECONDS) * 1000;
}
