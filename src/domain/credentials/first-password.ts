/**
 * What opens the change to an own password and nothing else: the first password, a part of an ID number, or the one-time code that the IT
 * desk issues. A person has one of them or an own password.
 */
export type FirstPasswordKind = 'first' | 'one_time_code';

/**
 * Wrong attempts that close it. Only attempts after the person's delay count: five at once, then after 30 s, 1, 2, 4 and 8 minutes. So
 * closing a first password takes a quarter of an hour, for any number of logins. A one-time code is closed by five.
 */
export const MAX_FAILURES: Readonly<Record<FirstPasswordKind, number>> = { first: 10, one_time_code: 5 };
