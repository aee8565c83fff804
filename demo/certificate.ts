import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { encode, octets, readElement, TAG, type Node } from '../src/ldap/codec/ber.ts';

const DER = { bitString: 0x03, oid: 0x06, utf8String: 0x0c, utcTime: 0x17 } as const;
/** ecdsa-with-SHA256, 1.2.840.10045.4.3.2 (RFC 5758, section 3.2). */
const ECDSA_SHA256 = sequence({ tag: DER.oid, content: Buffer.from('2a8648ce3d040302', 'hex') });
/** commonName, 2.5.4.3. */
const COMMON_NAME = Buffer.from('550403', 'hex');
/** subjectAltName, 2.5.29.17, and basicConstraints, 2.5.29.19. */
const SUBJECT_ALT_NAME = Buffer.from('551d11', 'hex');
const BASIC_CONSTRAINTS = Buffer.from('551d13', 'hex');
const DAY_MS = 24 * 3_600_000;
const VALID_DAYS = 365;

/**
 * Creates a self-signed certificate for localhost, this machine and 127.0.0.1 (RFC 5280), and writes it with its key.
 *
 * @param now instant in ms
 */
export function writeSelfSignedCertificate(files: { certFile: string; keyFile: string }, now: number): void {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = sequence(
    set(sequence({ tag: DER.oid, content: COMMON_NAME }, { tag: DER.utf8String, content: Buffer.from('localhost') })),
  );
  const tbs = sequence(
    // Version 3.
    { tag: 0xa0, content: [{ tag: TAG.integer, content: Buffer.from([2]) }] },
    { tag: TAG.integer, content: Buffer.concat([Buffer.from([1]), randomBytes(15)]) },
    ECDSA_SHA256,
    name,
    sequence(utcTime(now - DAY_MS), utcTime(now + VALID_DAYS * DAY_MS)),
    name,
    readElement(publicKey.export({ format: 'der', type: 'spki' })),
    { tag: 0xa3, content: [sequence(...extensions())] },
  );
  const signature = sign('sha256', encode(tbs), privateKey);
  const certificate = encode(sequence(tbs, ECDSA_SHA256, bitString(signature)));
  const lines = certificate.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  writeFileSync(files.keyFile, privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });
  writeFileSync(files.certFile, `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`);
}

function extensions(): Node[] {
  // OpenLDAP checks the name of the machine in place of "localhost".
  const names = sequence(
    octets('localhost', 0x82),
    octets(hostname(), 0x82),
    octets(Buffer.from([127, 0, 0, 1]), 0x87),
  );
  const isAuthority = sequence({ tag: TAG.boolean, content: Buffer.from([0xff]) });
  return [
    sequence({ tag: DER.oid, content: SUBJECT_ALT_NAME }, octets(encode(names))),
    sequence({ tag: DER.oid, content: BASIC_CONSTRAINTS }, octets(encode(isAuthority))),
  ];
}

function sequence(...content: Node[]): Node {
  return { tag: TAG.sequence, content };
}

function set(...content: Node[]): Node {
  return { tag: TAG.set, content };
}

/** Years from 1950 to 2049. */
function utcTime(instant: number): Node {
  const text = new Date(instant).toISOString().slice(2, 19).replace(/[-:T]/g, '');
  return { tag: DER.utcTime, content: Buffer.from(`${text}Z`) };
}

function bitString(bytes: Buffer): Node {
  return { tag: DER.bitString, content: Buffer.concat([Buffer.from([0]), bytes]) };
}
