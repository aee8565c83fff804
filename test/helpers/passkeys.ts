import assert from 'node:assert/strict';
import { createHash, createSign, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';

import { z } from 'zod';

import { formOf, type Answer, type HttpBrowser } from './http-browser.ts';

const options = z.object({ challenge: z.string() });
const jwk = z.object({ x: z.string(), y: z.string() });

/** Flags of authenticator data (Web Authentication Level 3, section 6.1). */
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
const HAS_CREDENTIAL = 0x40;
/** The key is synchronized between devices: eligible for backup, and backed up. */
const SYNCED = 0x08 | 0x10;

const hash = (data: string | Buffer): Buffer => createHash('sha256').update(data).digest();

/** An authenticator with one ES256 key, as a browser would use it. */
export interface SoftwareAuthenticator {
  credentialId: string;
  /**
   * Returns the response of `navigator.credentials.create` as JSON.
   *
   * @param isUserVerified false: the authenticator asks for no fingerprint or PIN
   */
  create(optionsJson: string, isUserVerified?: boolean): string;
  /** Returns the response of `navigator.credentials.get` as JSON. */
  get(optionsJson: string, isUserVerified?: boolean): string;
}

/** @param isSynced the key is synchronized, so its counter stays 0 */
export function createSoftwareAuthenticator(issuer: string, { isSynced = false } = {}): SoftwareAuthenticator {
  const { hostname, origin } = new URL(issuer);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const id = randomBytes(16);
  const credentialId = id.toString('base64url');
  let counter = 0;
  const authenticatorData = (flags: number): Buffer => {
    const head = Buffer.alloc(5);
    head.writeUInt8(USER_PRESENT | (isSynced ? SYNCED : 0) | flags, 0);
    head.writeUInt32BE(counter, 1);
    return Buffer.concat([hash(hostname), head]);
  };
  const clientData = (type: string, optionsJson: string): Buffer => {
    const { challenge } = options.parse(JSON.parse(optionsJson));
    return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }));
  };
  const answer = (response: Record<string, Buffer>): string => {
    const encoded = Object.fromEntries(
      Object.entries(response).map(([name, value]) => [name, value.toString('base64url')]),
    );
    return JSON.stringify({ id: credentialId, rawId: credentialId, type: 'public-key', response: encoded });
  };
  return {
    credentialId,
    create: (optionsJson, isUserVerified = true) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(id.length);
      const credential = Buffer.concat([Buffer.alloc(16), length, id, coseKey(publicKey)]);
      const data = Buffer.concat([
        authenticatorData((isUserVerified ? USER_VERIFIED : 0) | HAS_CREDENTIAL),
        credential,
      ]);
      const clientDataJSON = clientData('webauthn.create', optionsJson);
      return answer({ clientDataJSON, attestationObject: attestationObject(data) });
    },
    get: (optionsJson, isUserVerified = true) => {
      if (!isSynced) counter += 1;
      const clientDataJSON = clientData('webauthn.get', optionsJson);
      const data = authenticatorData(isUserVerified ? USER_VERIFIED : 0);
      const signature = createSign('sha256')
        .update(Buffer.concat([data, hash(clientDataJSON)]))
        .sign(privateKey);
      return answer({ clientDataJSON, authenticatorData: data, signature });
    },
  };
}

/** Encodes a key in CBOR as {1: 2, 3: -7, -1: 1, -2: x, -3: y} (RFC 9053, section 7.1.1). */
function coseKey(publicKey: KeyObject): Buffer {
  const { x, y } = jwk.parse(publicKey.export({ format: 'jwk' }));
  const [start, beforeY] = [Buffer.from('a5010203262001215820', 'hex'), Buffer.from('225820', 'hex')];
  return Buffer.concat([start, Buffer.from(x, 'base64url'), beforeY, Buffer.from(y, 'base64url')]);
}

/** Encodes {fmt: "none", attStmt: {}, authData} in CBOR. */
function attestationObject(data: Buffer): Buffer {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([0x60 + value.length]), Buffer.from(value)]);
  const parts = [text('fmt'), text('none'), text('attStmt'), Buffer.from([0xa0]), text('authData')];
  return Buffer.concat([Buffer.from([0xa3]), ...parts, Buffer.from([0x58, data.length]), data]);
}

const SETUP_PAGE = '/account/second-factors/totp';

/** Adds a passkey on the account page of a signed-in browser. @returns the page after it */
export async function addPasskey(browser: HttpBrowser, authenticator: SoftwareAuthenticator): Promise<Answer> {
  const page = await browser.open(SETUP_PAGE);
  const json = /data-passkey-options="([^"]+)"/.exec(page.body)?.[1]?.replaceAll(/&#34;|&quot;/g, '"');
  assert.ok(json, `no passkey form at ${page.url}`);
  const { hidden } = formOf(page.body);
  const fields = { ...hidden, setup: '', passkey: authenticator.create(json) };
  const shown = await browser.post(SETUP_PAGE, new URLSearchParams(fields));
  assert.equal(shown.status, 200);
  return shown.body.includes('data-recovery-code') ? browser.submit(shown, { saved: 'yes' }) : shown;
}

/** Fetches the options of the passkey form of an interaction page. */
export async function passkeyOptions(browser: HttpBrowser, page: Answer): Promise<string> {
  const url = /data-passkey-url="([^"]+)"/.exec(page.body)?.[1];
  assert.ok(url, `no passkey form at ${page.url}`);
  const answer = await browser.open(url, { accept: 'application/json' });
  assert.equal(answer.status, 200);
  return answer.body;
}

/** Sends the response of an authenticator with the form of the page. */
export function submitPasskey(browser: HttpBrowser, page: Answer, passkey: string): Promise<Answer> {
  const action = /<form method="post" action="([^"]+)" class="passkey"/.exec(page.body)?.[1];
  assert.ok(action, `no passkey form at ${page.url}`);
  return browser.post(action, new URLSearchParams({ passkey }));
}
