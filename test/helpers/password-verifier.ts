import { randomBytes } from 'node:crypto';

import type { Clock } from '../../src/domain/clock.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets, type Secrets } from '../../src/platform/crypto/secrets.ts';
import type { Hasher } from '../../src/platform/hashing/password-hasher.ts';
import type { Logger } from '../../src/platform/logger.ts';
import { createMetrics, type Metrics } from '../../src/platform/metrics.ts';
import { createAudit, type Audit } from '../../src/services/audit/audit.ts';
import { createKnownDevices, type KnownDevices } from '../../src/services/authentication/known-devices.ts';
import { createAttempts, type Attempts } from '../../src/services/authentication/password-verification.ts';
import { createOutbox } from '../../src/services/notifications/outbox.ts';
import type { Store } from '../../src/store/database/index.ts';

/** The verification of passwords with the services that it needs, and a master key of its own. */
export interface TestAttempts {
  attempts: Attempts;
  audit: Audit;
  devices: KnownDevices;
  metrics: Metrics;
  secrets: Secrets;
}

export function createTestAttempts(base: { store: Store; hasher: Hasher; clock: Clock; log: Logger }): TestAttempts {
  const secrets = createSecrets(randomBytes(32), systemRandom);
  const random = systemRandom;
  const metrics = createMetrics(base.hasher, base.log);
  const deps = { ...base, secrets, random, metrics, issuer: 'https://id.city.test' };
  const audit = createAudit(deps);
  const devices = createKnownDevices(deps);
  const attempts = createAttempts({ ...deps, audit, devices, outbox: createOutbox(deps) });
  return { attempts, audit, devices, metrics, secrets };
}
