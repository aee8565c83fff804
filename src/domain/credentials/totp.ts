import { Secret, TOTP } from 'otpauth';

/*
 * Time-based one-time passwords (RFC 6238) with the parameters that every authenticator app supports: SHA-1, six digits, 30 seconds.
 */

/** Bytes of a secret: the length that RFC 4226, section 4 recommends. */
export const TOTP_SECRET_BYTES = 20;

const PARAMETERS = { algorithm: 'SHA1', digits: 6, period: 30 };

/** Accepted steps before and after the current one, for clocks that differ and for slow typing (RFC 6238, section 5.2). */
const WINDOW = 1;

/** Returns a secret as authenticator apps show and accept it: base32 (RFC 4648). */
export function encodeTotpSecret(bytes: Uint8Array): string {
  return new Secret({ buffer: new Uint8Array(bytes).buffer }).base32;
}

/** Returns the URI that a QR code contains for authenticator apps. @param account shown below the name of the service */
export function totpUri(secret: string, service: string, account: string): string {
  return new TOTP({ ...PARAMETERS, issuer: service, label: account, secret: Secret.fromBase32(secret) }).toString();
}

/**
 * Finds the time step of a code. The caller stores it and accepts later steps only, so that each code works once (RFC 6238, section 5.2).
 *
 * @param code as typed
 * @returns undefined if the code is wrong
 */
export function findTotpStep(secret: string, code: string, now: number): number | undefined {
  const token = normalizeDigits(code);
  if (!/^\d{6}$/.test(token)) return undefined;
  const options = { ...PARAMETERS, secret: Secret.fromBase32(secret), token, timestamp: now, window: WINDOW };
  const delta = TOTP.validate(options);
  return delta === null ? undefined : TOTP.counter({ period: PARAMETERS.period, timestamp: now }) + delta;
}

/** Removes spaces and converts full-width digits, which Chinese input methods produce. */
function normalizeDigits(typed: string): string {
  return typed.normalize('NFKC').replace(/[\s\p{Cf}-]/gu, '');
}
