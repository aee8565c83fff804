import { readFileSync } from 'node:fs';

/** PEM texts. */
export interface Tls {
  cert: string;
  key: string;
}

/**
 * The certificate of the conformance profile. Everywhere else TLS ends at a proxy.
 *
 * @returns `undefined` when neither file is named
 * @throws {Error} when only one of them is named, or one can not be read
 */
export function readTls(certFile: string | undefined, keyFile: string | undefined): Tls | undefined {
  if (certFile === undefined && keyFile === undefined) return undefined;
  return { cert: read('KINPASS_TLS_CERT_FILE', certFile), key: read('KINPASS_TLS_KEY_FILE', keyFile) };
}

function read(setting: string, file: string | undefined): string {
  if (file === undefined) throw new Error(`${setting}: is missing (certificate and key come together)`);
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`${setting}: cannot read ${file}`, { cause });
  }
}
