import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';

export interface TestCertificate {
  certFile: string;
  keyFile: string;
  remove(): void;
}

/** Creates a certificate for localhost and 127.0.0.1, and makes this process trust it. */
export function createTrustedCertificate(): TestCertificate {
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-tls-'));
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  execFileSync('openssl', ['req', '-x509', ...key, ...names, '-days', '2', '-out', certFile], { stdio: 'ignore' });
  const before = tls.getCACertificates('default');
  tls.setDefaultCACertificates([...before, readFileSync(certFile, 'utf8')]);
  return {
    certFile,
    keyFile,
    remove: () => {
      tls.setDefaultCACertificates(before);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
