import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common';

/** Decimal logarithm of the guesses below which a password counts as common: one million. */
const GUESSES_LOG10 = 6;
/**
 * Characters that the estimate reads. Its cost grows with the length: 64 characters cost at most as much as two argon2id hashes, 50 ms of a
 * core.
 */
const MAX_ESTIMATED_CHARACTERS = 64;

const estimator = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs });

/**
 * Returns true if a password is on a list of leaked passwords, or is a small change of one (`Password1234`).
 * Uses the offline lists of zxcvbn-ts (NIST SP 800-63B-4, section 3.1.1.2).
 */
export function isEasilyGuessed(password: string): boolean {
  return estimator.check(password.slice(0, MAX_ESTIMATED_CHARACTERS)).guessesLog10 < GUESSES_LOG10;
}
