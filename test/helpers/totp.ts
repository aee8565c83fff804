import { Secret, TOTP } from 'otpauth';

/** Returns the TOTP code that an authenticator app shows at an instant: SHA-1, six digits, 30 seconds (RFC 6238). */
export function totpCode(secret: string, now: number): string {
  return TOTP.generate({ algorithm: 'SHA1', digits: 6, period: 30, secret: Secret.fromBase32(secret), timestamp: now });
}
