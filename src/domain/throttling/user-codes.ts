import { ACCOUNT_POLICY, type LeakyBucketPolicy, type AccountThrottlePolicy } from './throttle.ts';

/*
 * How many user codes of devices may be guessed (RFC 8628, section 5.1). A code has 8 of 20 characters: 20^8 = 2.56 × 10^10 codes, or
 * 34.6 bits, and lives for 10 minutes. Suppose that 1,000 devices wait at any time.
 *
 * - One network has 60 wrong codes at once and then 6 per minute: 420 in the first hour. It finds one of the codes with a chance of
 *   420 × 1,000 / 2.56 × 10^10 = 1.6 × 10^-5. Without a limit, 60 guesses per second find one within 5 days.
 * - The counter of the person or session slows the guessing by hand. It alone would not hold: a program takes a new session for each
 *   attempt, or resets its counter with the code of a device of its own. A right code never refills the budget of the network.
 *
 * A guesser who finds a code can sign the device in to an own account, or cancel it. The device learns nothing about its user.
 */

/** Per signed-in person, or per session where no person is signed in: as at sign-in, but no lock. Nothing would unlock it. */
export const USER_CODE_POLICY: AccountThrottlePolicy = { ...ACCOUNT_POLICY, lockAfterFailures: Infinity };

/**
 * Per network. A school has 60 devices behind one address: with 10 % typing errors, 6 wrong codes when all of them are switched on, a
 * tenth of the budget.
 */
export const USER_CODE_NETWORK_POLICY: LeakyBucketPolicy = { capacity: 60, leakIntervalMs: 10_000 };
