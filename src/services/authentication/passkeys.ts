import { z } from 'zod';
import { MINUTE_MS } from '../../domain/duration.ts';
import type { Random } from '../../domain/random.ts';

/*
 * Passkeys (Web Authentication Level 3): discoverable credentials with user verification, without attestation. The library is loaded at the
 * first use, because it takes longer to load than the service takes to start.
 */

const CHALLENGE_BYTES = 32;
/** How long the browser waits for the person. The sealed challenge is valid as long as the page. */
const TIMEOUT_MS = 5 * MINUTE_MS;
/** EdDSA, ES256 and RS256 (IANA COSE Algorithms), which all authenticators in use support at least one of. */
const ALGORITHMS = [-8, -7, -257];

/** The relying party of all passkeys: this service. */
interface WebAuthnParty {
  rpId: string;
  origin: string;
}

export function webAuthnPartyOf(issuer: string): WebAuthnParty {
  const { hostname: rpId, origin } = new URL(issuer);
  return { rpId, origin };
}

export function createChallenge(random: Pick<Random, 'bytes'>): string {
  return random.bytes(CHALLENGE_BYTES).toString('base64url');
}

/** Options of `navigator.credentials.get`, as JSON. @param credentialIds empty: every discoverable passkey */
export function assertionOptions({ rpId }: WebAuthnParty, challenge: string, credentialIds: readonly string[]): string {
  return JSON.stringify({
    challenge,
    rpId,
    timeout: TIMEOUT_MS,
    userVerification: 'required',
    allowCredentials: credentialIds.map((id) => ({ id, type: 'public-key' })),
  });
}

interface NewPasskey {
  challenge: string;
  serviceName: string;
  /** Opaque and stable for the person (Web Authentication Level 3, section 14.6.1). */
  userId: string;
  login: string;
  name: string;
  /** Passkeys of the person, which their authenticators do not create again. */
  credentialIds: readonly string[];
}

/** Options of `navigator.credentials.create`, as JSON. */
export function creationOptions({ rpId }: WebAuthnParty, passkey: NewPasskey): string {
  const { challenge, serviceName, userId, login, name, credentialIds } = passkey;
  return JSON.stringify({
    challenge,
    rp: { id: rpId, name: serviceName },
    user: { id: userId, name: login, displayName: name },
    pubKeyCredParams: ALGORITHMS.map((alg) => ({ alg, type: 'public-key' })),
    timeout: TIMEOUT_MS,
    attestation: 'none',
    authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
    excludeCredentials: credentialIds.map((id) => ({ id, type: 'public-key' })),
  });
}

/** A decoded value may hold NUL, which PostgreSQL refuses. */
const credentialId = z.string().regex(/^[\w-]+$/);
const common = { id: credentialId, rawId: z.string(), type: z.literal('public-key') };
const registration = z.object({
  ...common,
  response: z.object({ clientDataJSON: z.string(), attestationObject: z.string() }),
});
const assertion = z.object({
  ...common,
  response: z.object({ clientDataJSON: z.string(), authenticatorData: z.string(), signature: z.string() }),
});

/** Parses what the browser script sends. @returns undefined if it is not JSON of this shape */
function parseJson<T extends z.ZodType>(schema: T, text: string): z.infer<T> | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** RFC 8176, section 2: `hwk` for a key that cannot leave its device, `swk` for a synchronized one. */
export type KeyMethod = 'hwk' | 'swk';

/** Returns the methods of a passkey with user verification (RFC 8176, section 2). */
export function amrOfPasskey(keyMethod: KeyMethod): string[] {
  return [keyMethod, 'user', 'mfa'];
}

function keyMethodOf(deviceType: 'singleDevice' | 'multiDevice'): KeyMethod {
  return deviceType === 'singleDevice' ? 'hwk' : 'swk';
}

interface StoredPasskey {
  credentialId: string;
  /** COSE key, base64url. */
  publicKey: string;
  counter: number;
}

interface RegisteredPasskey extends StoredPasskey {
  keyMethod: KeyMethod;
}

/** Verifies the response of `navigator.credentials.create`. @returns undefined if it is not valid */
export async function verifyRegistration(
  { rpId, origin }: WebAuthnParty,
  expectedChallenge: string,
  sent: string,
): Promise<RegisteredPasskey | undefined> {
  const response = parseJson(registration, sent);
  if (response === undefined) return undefined;
  const { verifyRegistrationResponse } = await import('@simplewebauthn/server');
  try {
    const { registrationInfo } = await verifyRegistrationResponse({
      ...{ response: { ...response, clientExtensionResults: {} }, expectedChallenge },
      ...{ expectedOrigin: origin, expectedRPID: rpId, requireUserVerification: true },
      supportedAlgorithmIDs: ALGORITHMS,
    });
    if (registrationInfo === undefined) return undefined;
    const { id, publicKey, counter } = registrationInfo.credential;
    const keyMethod = keyMethodOf(registrationInfo.credentialDeviceType);
    return { credentialId: id, publicKey: Buffer.from(publicKey).toString('base64url'), counter, keyMethod };
  } catch {
    return undefined;
  }
}

/** Returns the credential id that a response of `navigator.credentials.get` names. */
export function credentialIdOf(sent: string): string | undefined {
  return parseJson(assertion, sent)?.id;
}

interface VerifiedAssertion {
  counter: number;
  keyMethod: KeyMethod;
}

/** Verifies the response of `navigator.credentials.get`. @returns undefined if it is not valid */
export async function verifyAssertion(
  { rpId, origin }: WebAuthnParty,
  expectedChallenge: string,
  sent: string,
  { credentialId, publicKey, counter }: StoredPasskey,
): Promise<VerifiedAssertion | undefined> {
  const response = parseJson(assertion, sent);
  if (response === undefined) return undefined;
  const { verifyAuthenticationResponse } = await import('@simplewebauthn/server');
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      ...{ response: { ...response, clientExtensionResults: {} }, expectedChallenge },
      ...{ expectedOrigin: origin, expectedRPID: rpId, requireUserVerification: true },
      credential: { id: credentialId, publicKey: new Uint8Array(Buffer.from(publicKey, 'base64url')), counter },
    });
    if (!verified) return undefined;
    const { newCounter, credentialDeviceType } = authenticationInfo;
    return { counter: newCounter, keyMethod: keyMethodOf(credentialDeviceType) };
  } catch {
    return undefined;
  }
}
