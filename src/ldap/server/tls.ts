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
  const versionOf = (): string =>
    [certFile, keyFile].map((file) => String(statSync(file, { throwIfNoEntry: false })?.mtimeMs)).join();
  let version = versionOf();
  let context = load();
  return () => {
    const present = versionOf();
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
