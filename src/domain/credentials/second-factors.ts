/** The changes of second factors. Each sends a notice to the person. */
export const SECOND_FACTOR_CHANGES = ['added', 'removed', 'recoveryCodesReplaced', 'recoveryCodeUsed'] as const;
export type SecondFactorChange = (typeof SECOND_FACTOR_CHANGES)[number];
