import { ACCOUNT_POLICY, type LeakyBucketPolicy, type AccountThrottlePolicy } from './throttle.ts';

/*
 * Limits of guessing user codes (RFC 8628, section 5.1). A code has 8 of 20 characters: 20^8 = 2.56 × 10^10 codes, or 34.6 bits. It is
 * valid for 10 minutes. The numbers below assume that 1,000 devices wait at any time.
 *
 * - One network has 60 wrong codes at once and then 6 per minute: 420 in the first hour. It finds one of the codes with probability
 *   420 × 1,000 / 2.56 × 10^10 = 1.6 × 10^-5. Without a limit, 60 guesses per second find one within 5 days.
 * - The counter of the person or session limits manual guessing. It does not suffice: a program can create a session for each attempt,
 *   or reset its counter with the code of its own device. A correct code never restores the budget of the network.
 *
 * An attacker who finds a code can sign the device in to another account, or cancel it. The device reveals nothing about its user.
 */

/** Per signed-in person, or per session without a sign-in. As at sign-in, but without a lock, which nothing would remove. */
export const USER_CODE_POLICY: AccountThrottlePolicy = { ...ACCOUNT_POLICY, lockAfterFailures: Infinity };

/**
 * Per network. A school has 60 devices at one address. With 10 % typing errors, switching all of them on takes 6 wrong codes, a tenth of
 * the budget.
 */
export const USER_CODE_NETWORK_POLICY: LeakyBucketPolicy = { capacity: 60, leakIntervalMs: 10_000 };
