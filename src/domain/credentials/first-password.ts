/**
 * The credentials that only open the change to a password of the person's choice: the first password, which is part of an ID number, and
 * the one-time code of the IT desk. A person has one of them, or a chosen password.
 */
export type FirstPasswordKind = 'first' | 'one_time_code';

/** Purposes of a link that sets a password. `setup`: the first password of an invited administrator. `activation`: the first own password of another account. */
export const LINK_PURPOSES = ['setup', 'activation', 'reset'] as const;
export type LinkPurpose = (typeof LINK_PURPOSES)[number];

/**
 * Wrong attempts that close it. Only attempts after the person's delay count: five at once, then after 30 s, 1, 2, 4 and 8 minutes. So
 * closing a first password takes a quarter of an hour, for any number of logins. A one-time code is closed by five.
 */
export const MAX_FAILURES: Readonly<Record<FirstPasswordKind, number>> = { first: 10, one_time_code: 5 };
