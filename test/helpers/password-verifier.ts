import { randomBytes } from 'node:crypto';

import type { Clock } from '../../src/domain/clock.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets, type Secrets } from '../../src/platform/crypto/secrets.ts';
import type { PasswordHasher } from '../../src/platform/hashing/password-hasher.ts';
import type { Logger } from '../../src/platform/logger.ts';
import { createMetrics, type Metrics } from '../../src/platform/metrics.ts';
import { createAudit, type Audit } from '../../src/services/audit/audit.ts';
import { createKnownDevices, type KnownDevices } from '../../src/services/authentication/known-devices.ts';
import {
  createPasswordVerifier,
  type PasswordVerifier,
} from '../../src/services/authentication/password-verification.ts';
import { createOutbox } from '../../src/services/notifications/outbox.ts';
import type { Store } from '../../src/store/database/index.ts';

/** A password verifier with its services and a random master key. */
export interface TestPasswordVerifier {
  passwordVerifier: PasswordVerifier;
  audit: Audit;
  knownDevices: KnownDevices;
  metrics: Metrics;
  secrets: Secrets;
}

export function createTestPasswordVerifier(base: {
  store: Store;
  hasher: PasswordHasher;
  clock: Clock;
  log: Logger;
}): TestPasswordVerifier {
  const secrets = createSecrets(randomBytes(32), systemRandom);
  const random = systemRandom;
  const metrics = createMetrics(base.hasher, base.log);
  const deps = { ...base, secrets, random, metrics, issuer: 'https://id.city.test' };
  const audit = createAudit(deps);
  const knownDevices = createKnownDevices(deps);
  const passwordVerifier = createPasswordVerifier({ ...deps, audit, knownDevices, outbox: createOutbox(deps) });
  return { passwordVerifier, audit, knownDevices, metrics, secrets };
}
