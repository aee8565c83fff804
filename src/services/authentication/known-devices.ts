import type { Random } from '../../domain/random.ts';
import { isEqualConstantTime } from '../../platform/crypto/constant-time.ts';
import { hashId, type Secrets } from '../../platform/crypto/secrets.ts';

/**
 * Recognizes devices on which a person has signed in (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"). A device token is
 * `v1`, a nonce, and a keyed hash of the nonce and the person for each of its people, newest first. The server stores nothing, so every node
 * recognizes every device, also after a rotation of signing or cookie keys. Half of the nonce is a keyed hash of the other half, so only
 * this service can issue one.
 */
export interface KnownDevices {
  /** Finds the counter key of the device for this person; `undefined` if the device is unknown. */
  findCounterKey(token: string | undefined, personId: string | undefined): string | undefined;
  /** Finds the id of the device; `undefined` if this service did not issue the token. */
  findDeviceId(token: string | undefined): string | undefined;
  /** Adds a person who has signed in to the token of the device. @returns the new token */
  remember(token: string | undefined, personId: string): string;
}

/** People in one token: families share devices. The person with the oldest sign-in is dropped. */
const MAX_PEOPLE = 5;
/** Bytes in each half of the nonce. */
const NONCE_HALF_BYTES = 8;
const TOKEN = /^v1\.([\w-]{22})((?:\.[\w-]{43}){1,5})$/;

interface Token {
  nonce: string;
  macs: readonly string[];
}

function parseToken(text: string | undefined): Token | undefined {
  const [, nonce, macs] = TOKEN.exec(text ?? '') ?? [];
  if (nonce === undefined || macs === undefined || !isCanonical(nonce)) return undefined;
  return { nonce, macs: macs.slice(1).split('.') };
}

/** Returns true if the text is the only spelling of its bytes: the last character has unused bits (RFC 4648, section 3.5). */
function isCanonical(nonce: string): boolean {
  return Buffer.from(nonce, 'base64url').toString('base64url') === nonce;
}

export function createKnownDevices({ secrets, random }: { secrets: Secrets; random: Random }): KnownDevices {
  const macOf = (nonce: string, personId: string): string => secrets.mac('device', `${nonce}\n${personId}`);
  const sealOf = (half: Buffer): Buffer =>
    Buffer.from(secrets.mac('device', `nonce\n${half.toString('base64url')}`), 'base64url').subarray(
      0,
      NONCE_HALF_BYTES,
    );
  const createNonce = (): string => {
    const half = random.bytes(NONCE_HALF_BYTES);
    return Buffer.concat([half, sealOf(half)]).toString('base64url');
  };
  const isIssued = (nonce: string): boolean => {
    const bytes = Buffer.from(nonce, 'base64url');
    return isEqualConstantTime(bytes.subarray(NONCE_HALF_BYTES), sealOf(bytes.subarray(0, NONCE_HALF_BYTES)));
  };
  return {
    findDeviceId: (text) => {
      const token = parseToken(text);
      return token !== undefined && isIssued(token.nonce) ? hashId(token.nonce) : undefined;
    },
    findCounterKey: (text, personId = '') => {
      const token = parseToken(text);
      if (token === undefined) return undefined;
      const mac = macOf(token.nonce, personId);
      const isKnown = token.macs.some((known) => isEqualConstantTime(known, mac));
      return isKnown ? `device:${hashId(mac)}` : undefined;
    },
    remember: (text, personId) => {
      const token = parseToken(text);
      const known = token !== undefined && isIssued(token.nonce) ? token : undefined;
      const nonce = known?.nonce ?? createNonce();
      const mac = macOf(nonce, personId);
      const others = known?.macs.filter((other) => other !== mac) ?? [];
      return ['v1', nonce, mac, ...others].slice(0, MAX_PEOPLE + 2).join('.');
    },
  };
}
