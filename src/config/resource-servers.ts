import { z } from 'zod';
import { localizedText } from './localized-text.ts';

/**
 * An API of the city that accepts access tokens of this service (RFC 8707). Apps name it in the `resource` parameter and get a token
 * with this audience.
 */
export const resourceServerSchema = z.strictObject({
  identifier: z
    .url({ protocol: /^https$/ })
    .refine((value) => !value.includes('#'), { message: 'must not have a fragment (RFC 8707, section 2)' })
    .describe('value of the `resource` parameter, and audience of the tokens'),
  scopes: z
    .record(
      z.string().regex(/^[a-z][a-z0-9:._-]*$/, 'must have only lower-case letters, digits and ":", ".", "_", "-"'),
      localizedText,
    )
    .describe('scopes of the API, with their names on the consent page'),
  access_token_format: z
    .enum(['jwt', 'opaque'])
    .default('jwt')
    .describe('jwt: verified by the API itself (RFC 9068); opaque: verified at the introspection endpoint'),
  access_token_minutes: z
    .number()
    .int()
    .min(1)
    .max(15)
    .default(5)
    .describe('lifetime of access tokens in minutes; short, because a JWT cannot be revoked'),
});

export type ResourceServer = z.infer<typeof resourceServerSchema>;
