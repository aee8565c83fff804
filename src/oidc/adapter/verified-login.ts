import { z } from 'zod';

/** The version of the credential that a page verified. A result without a version is rejected. */
export const verifiedCredential = z.object({ credentialVersion: z.number() });

/** The verified part of a login result. */
export const verifiedLogin = z.object({ accountId: z.string(), ...verifiedCredential.shape });
