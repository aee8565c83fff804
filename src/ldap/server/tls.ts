import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Logger } from '../../platform/logger.ts';

interface CertificateFiles {
  certFile: string;
  keyFile: string;
}

/**
 * Returns the certificate for the next handshake. It reads the files again when one of them changed. A certificate that cannot be used is logged
 * once, and the previous one stays in use.
 */
export type CurrentContext = () => SecureContext;

/** @throws {Error} when the files cannot be used at the start */
export function createCurrentContext({ certFile, keyFile }: CertificateFiles, log: Logger): CurrentContext {
  const load = (): SecureContext =>
    createSecureContext({ cert: readFileSync(certFile), key: readFileSync(keyFile), minVersion: 'TLSv1.2' });
  let version = versionOf(certFile, keyFile);
  let context = load();
  return () => {
    const present = versionOf(certFile, keyFile);
    if (present === version) return context;
    version = present;
    try {
      context = load();
      log.info('directory certificate loaded');
    } catch (error) {
      log.error({ err: error }, 'failed to load directory certificate');
    }
    return context;
  };
}

/** Returns a text that differs after each change of a file. Reading reports a file that has no state. */
function versionOf(...files: readonly string[]): string {
  const states = files.map((file) => {
    try {
      const { ino, size, mtimeMs } = statSync(file);
      return `${ino} ${size} ${mtimeMs}`;
    } catch {
      return 'unreadable';
    }
  });
  return states.join();
}
