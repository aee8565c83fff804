import { createSecureContext } from 'node:tls';
import { ConfigError } from './config-error.ts';
import { readPem } from './tls.ts';

/** Settings of the LDAP directory. */
export interface DirectorySettings {
  host: string;
  /** LDAP with StartTLS. */
  port: number | undefined;
  /** LDAP over TLS. */
  tlsPort: number | undefined;
  /** Root of the tree: `dc=city,dc=example`. */
  base: string;
  certFile: string;
  keyFile: string;
  /** Networks that may send passwords without TLS. */
  plainNetworks: readonly string[];
}

interface DirectoryEnvironment {
  KINPASS_LDAP_HOST?: string | undefined;
  KINPASS_LDAP_PORT?: number | undefined;
  KINPASS_LDAPS_PORT?: number | undefined;
  KINPASS_LDAP_BASE?: string | undefined;
  KINPASS_LDAP_TLS_CERT_FILE?: string | undefined;
  KINPASS_LDAP_TLS_KEY_FILE?: string | undefined;
  KINPASS_LDAP_ALLOW_PLAIN?: readonly string[] | undefined;
}

/**
 * Reads the settings of the directory. It is off unless a port is set.
 *
 * @throws {ConfigError} that lists each setting that a port needs
 */
export function readDirectory(e: DirectoryEnvironment): DirectorySettings | undefined {
  const { KINPASS_LDAP_PORT: port, KINPASS_LDAPS_PORT: tlsPort } = e;
  if (port === undefined && tlsPort === undefined) return undefined;
  const base = e.KINPASS_LDAP_BASE;
  const certFile = e.KINPASS_LDAP_TLS_CERT_FILE;
  const keyFile = e.KINPASS_LDAP_TLS_KEY_FILE;
  if (base === undefined || certFile === undefined || keyFile === undefined) {
    const missing = Object.entries({
      KINPASS_LDAP_BASE: base,
      KINPASS_LDAP_TLS_CERT_FILE: certFile,
      KINPASS_LDAP_TLS_KEY_FILE: keyFile,
    }).filter(([, value]) => value === undefined);
    throw new ConfigError(missing.map(([name]) => `${name}: is missing; the directory needs it`).join('\n'));
  }
  assertUsable(certFile, keyFile);
  return {
    host: e.KINPASS_LDAP_HOST ?? '127.0.0.1',
    port,
    tlsPort,
    base,
    certFile,
    keyFile,
    plainNetworks: e.KINPASS_LDAP_ALLOW_PLAIN ?? [],
  };
}

/** @throws {ConfigError} when the files are no certificate with its private key */
function assertUsable(certFile: string, keyFile: string): void {
  const files = { KINPASS_LDAP_TLS_CERT_FILE: certFile, KINPASS_LDAP_TLS_KEY_FILE: keyFile };
  const [cert, key] = Object.entries(files).map(([name, file]) => readPem(name, file));
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    const names = Object.keys(files).join(', ');
    throw new ConfigError(`${names}: are no certificate with its private key in PEM; check both files`, { cause });
  }
}
