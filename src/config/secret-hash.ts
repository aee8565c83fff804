import { z } from 'zod';

/** The hash of a secret in the clients file. A secret of 256 random bits needs no slow hash. */
export const secretHash = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'must be the SHA-256 of the secret: 64 lower-case hex digits');
