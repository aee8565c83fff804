import { readFileSync } from 'node:fs';
import { ConfigError, unreadableFile } from './config-error.ts';

/** PEM text. */
export interface Tls {
  cert: string;
  key: string;
}

/**
 * Reads the certificate of the conformance profile. Other profiles use a TLS proxy.
 *
 * @returns undefined when neither file is set
 * @throws {ConfigError} when only one of them is set, or one cannot be read
 */
export function readTls(certFile: string | undefined, keyFile: string | undefined): Tls | undefined {
  if (certFile === undefined && keyFile === undefined) return undefined;
  return { cert: read('KINPASS_TLS_CERT_FILE', certFile), key: read('KINPASS_TLS_KEY_FILE', keyFile) };
}

function read(setting: string, file: string | undefined): string {
  if (file === undefined) throw new ConfigError(`${setting}: is missing; set the certificate and the key together`);
  return readPem(setting, file);
}

/** Reads a file. @throws {ConfigError} that names the setting */
export function readPem(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw unreadableFile(setting, file, cause);
  }
}
