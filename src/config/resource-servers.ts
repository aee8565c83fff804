import { z } from 'zod';
import { localizedText } from './localized-text.ts';

/**
 * An API of the city that accepts access tokens of this service (RFC 8707). Apps name it by the `resource` parameter, and get
 * a token that only this API should accept.
 */
export const resourceServerSchema = z.strictObject({
  identifier: z
    .url({ protocol: /^https$/ })
    .refine((value) => !value.includes('#'), { message: 'must not have a fragment (RFC 8707, section 2)' })
    .describe('the `resource` that apps ask for, and the audience of its tokens'),
  scopes: z
    .record(
      z.string().regex(/^[a-z][a-z0-9:._-]*$/, 'lower-case letters, digits and ":", ".", "_", "-"'),
      localizedText,
    )
    .describe('what a token for it can allow, and what people read of it'),
  access_token_format: z
    .enum(['jwt', 'opaque'])
    .default('jwt')
    .describe('jwt: checked by the API itself (RFC 9068); opaque: asked for at the introspection endpoint'),
  access_token_minutes: z
    .number()
    .int()
    .min(1)
    .max(15)
    .default(5)
    .describe('a JWT can not be called back, so it lives minutes'),
});

export type ResourceServer = z.infer<typeof resourceServerSchema>;
