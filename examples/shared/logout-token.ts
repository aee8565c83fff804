import { errors, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';

/** An invalid logout token (OpenID Connect Back-Channel Logout 1.0, section 2.6). */
export class LogoutTokenError extends Error {
  override name = 'LogoutTokenError';
}

/** The sessions to end: those of one sign-in (`sid`), of one person (`sub`), or of both together. */
export interface LogoutRequest {
  sid: string | undefined;
  sub: string | undefined;
  /** When the token was issued, in seconds since 1970. */
  issuedAt: number;
}

interface LogoutTokenRules {
  issuer: string;
  clientId: string;
  keys: JWTVerifyGetKey;
  /** Milliseconds since 1970. */
  now: () => number;
}

const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** Tolerated clock difference, in seconds. */
const CLOCK_TOLERANCE_SECONDS = 10;
/** Maximum age of a logout token in seconds, also when its `exp` is later. */
const MAX_AGE_SECONDS = 600;

const payloadSchema = z
  .object({
    iat: z.number(),
    exp: z.number(),
    jti: z.string().min(1).max(255),
    sid: z.string().min(1).optional(),
    sub: z.string().min(1).optional(),
    events: z.object({ [LOGOUT_EVENT]: z.object({}) }),
    // An ID token must not be accepted as a logout token.
    nonce: z.never('must not be there').optional(),
  })
  .refine(({ sid, sub }) => sid !== undefined || sub !== undefined, 'neither sid nor sub');

/** Errors of jose when the key set could not be loaded. The token may be valid. */
const KEY_SET_ERRORS = ['ERR_JWKS_TIMEOUT', 'ERR_JOSE_GENERIC'];

async function readPayload(token: string, rules: LogoutTokenRules): Promise<z.infer<typeof payloadSchema>> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, rules.keys, {
      issuer: rules.issuer,
      audience: rules.clientId,
      algorithms: ['ES256', 'RS256'],
      requiredClaims: ['iat', 'exp', 'jti', 'events'],
      maxTokenAge: MAX_AGE_SECONDS,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(rules.now()),
    });
    if (protectedHeader.typ !== undefined && !/^(application\/)?(logout\+jwt|jwt)$/i.test(protectedHeader.typ)) {
      throw new LogoutTokenError('typ is not logout+jwt');
    }
    return payloadSchema.parse(payload);
  } catch (error) {
    if (error instanceof z.ZodError) {
      throw new LogoutTokenError(
        error.issues.map(({ path, message }) => `${path.join('.')} ${message}`.trim()).join('; '),
      );
    }
    if (error instanceof errors.JOSEError && !KEY_SET_ERRORS.includes(error.code)) {
      throw new LogoutTokenError(error.message);
    }
    throw error;
  }
}

/**
 * Creates the function that checks logout tokens: signature against the issuer's keys, `iss`, `aud`, `iat`, `exp`,
 * `events`, no `nonce`, `sid` or `sub`, and each `jti` once.
 *
 * The function throws LogoutTokenError for an invalid token, and other errors if the keys could not be loaded.
 */
export function createLogoutTokenVerifier(rules: LogoutTokenRules): (token: string) => Promise<LogoutRequest> {
  /** jti → the second in which the token expires. Entries are deleted after it. */
  const seen = new Map<string, number>();

  return async (token) => {
    const { jti, exp, iat, sid, sub } = await readPayload(token, rules);
    const now = rules.now() / 1000;
    for (const [known, until] of seen) if (until < now) seen.delete(known);
    if (seen.has(jti)) throw new LogoutTokenError('jti was used before');
    seen.set(jti, exp + CLOCK_TOLERANCE_SECONDS);
    return { sid, sub, issuedAt: iat };
  };
}
