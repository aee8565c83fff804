import { z } from 'zod';

/** Members of private and symmetric keys (RFC 7518, section 6). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

/** Members that a public key of each type needs (RFC 7518, section 6; RFC 8037, section 2). */
const NEEDED_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
  RSA: ['n', 'e'],
};

const text = z.string().min(1);

/** A public key of a client as a JWK (RFC 7517). The provider ignores keys of other types, so the client could not authenticate. */
export const publicKey = z
  .looseObject({
    kty: z.enum(Object.keys(NEEDED_MEMBERS)),
    alg: text.optional(),
    kid: text.optional(),
    use: text.optional(),
    x5c: z.array(text).optional(),
  })
  .superRefine((key, context) => {
    if (PRIVATE_MEMBERS.some((name) => name in key)) {
      const message =
        'must be a public key of an asymmetric pair: the private part stays in the app (JSON Web Key Set)';
      context.addIssue({ code: 'custom', message });
    }
    for (const name of NEEDED_MEMBERS[key.kty] ?? []) {
      if (!text.safeParse(key[name]).success) {
        context.addIssue({ code: 'custom', path: [name], message: `is needed for a key of the type ${key.kty}` });
      }
    }
  });
