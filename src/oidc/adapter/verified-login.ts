import { z } from 'zod';

/** The verified part of a login result. A result without a version is rejected. */
export const verifiedLogin = z.object({ accountId: z.string(), credentialVersion: z.number() });
