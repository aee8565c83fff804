import { z } from 'zod';

/** What a login result says of the verified password. A result without a version opens nothing. */
export const verifiedLogin = z.object({ accountId: z.string(), credentialVersion: z.number() });
