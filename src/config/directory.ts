import { ConfigError } from './config-error.ts';

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
  KINPASS_LDAP_HOST: string;
  KINPASS_LDAP_PORT?: number | undefined;
  KINPASS_LDAPS_PORT?: number | undefined;
  KINPASS_LDAP_BASE?: string | undefined;
  KINPASS_LDAP_TLS_CERT_FILE?: string | undefined;
  KINPASS_LDAP_TLS_KEY_FILE?: string | undefined;
  KINPASS_LDAP_ALLOW_PLAIN: readonly string[];
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
  return {
    host: e.KINPASS_LDAP_HOST,
    port,
    tlsPort,
    base,
    certFile,
    keyFile,
    plainNetworks: e.KINPASS_LDAP_ALLOW_PLAIN,
  };
}
