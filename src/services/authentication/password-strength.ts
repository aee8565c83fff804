import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common';

/** A password that falls within a million guesses of the usual lists and patterns is as good as listed. */
const GUESSES_LOG10 = 6;
/** The estimate grows with the length; what is longer than this is judged by its beginning. */
const JUDGED_CHARACTERS = 64;

const estimator = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs });

/**
 * Whether a password is on the lists of leaked passwords, or a small change of one (`Password1234`).
 * Offline; the lists are those of zxcvbn-ts. NIST SP 800-63B-4, section 3.1.1.2.
 */
export function isEasilyGuessed(password: string): boolean {
  return estimator.check(password.slice(0, JUDGED_CHARACTERS)).guessesLog10 < GUESSES_LOG10;
}
