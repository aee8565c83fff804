import { z } from 'zod';

/** Standard claims of each scope with their types (OpenID Connect Core 1.0, sections 5.1 and 5.4). */
export const address = z.strictObject({
  formatted: z.string(),
  street_address: z.string(),
  locality: z.string(),
  postal_code: z.string(),
  country: z.string(),
});
export const profile = z.object({
  ...{ name: z.string(), given_name: z.string(), family_name: z.string(), middle_name: z.string() },
  ...{ nickname: z.string(), preferred_username: z.string(), gender: z.string(), locale: z.string() },
  ...{ profile: z.url(), picture: z.url(), website: z.url(), birthdate: z.iso.date(), updated_at: z.int() },
  zoneinfo: z.string().refine((zone) => Intl.supportedValuesOf('timeZone').includes(zone)),
});
export const email = z.object({ email: z.email(), email_verified: z.boolean() });
export const phone = z.object({ phone_number: z.e164(), phone_number_verified: z.boolean() });
export const sub = z.object({ sub: z.string() });
