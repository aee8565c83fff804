import { randomBytes } from 'node:crypto';

import { clientSchema, type ClientRegistration } from '../../src/config/clients.ts';
import type { ChainedEntry } from '../../src/domain/audit-chain.ts';
import type { Clock } from '../../src/domain/clock.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets, type Secrets } from '../../src/platform/crypto/secrets.ts';
import type { PasswordHasher } from '../../src/platform/hashing/password-hasher.ts';
import type { Logger } from '../../src/platform/logger.ts';
import { isEasilyGuessed } from '../../src/platform/hashing/password-strength.ts';
import { createMetrics, type Metrics } from '../../src/platform/metrics.ts';
import { createI18n } from '../../src/presentation/i18n.ts';
import { createAccountAccess, type AccountAccess } from '../../src/services/access/account-access.ts';
import { createClientRegistry, type ClientRegistry } from '../../src/services/access/client-registry.ts';
import { createRequestRateLimiter } from '../../src/services/access/request-rate-limiter.ts';
import { createStoredClients, type StoredClients } from '../../src/services/access/stored-clients.ts';
import { createRevocation, type Revocation } from '../../src/services/access/revocation.ts';
import { createAudit, type Audit } from '../../src/services/audit/audit.ts';
import { createKnownDevices, type KnownDevices } from '../../src/services/authentication/known-devices.ts';
import { createPasswordReset, type PasswordReset } from '../../src/services/authentication/password-reset.ts';
import {
  createPasswordVerifier,
  type PasswordVerifier,
} from '../../src/services/authentication/password-verification.ts';
import { createPasswords, type Passwords } from '../../src/services/authentication/passwords.ts';
import { createSecondFactors, type SecondFactors } from '../../src/services/authentication/second-factors.ts';
import { createSignIn, type SignIn } from '../../src/services/authentication/sign-in.ts';
import { createKeyRing, type KeyRing } from '../../src/services/keys/key-ring.ts';
import { createOutbox, type Outbox, type OutboxJob } from '../../src/services/notifications/outbox.ts';
import { createApproval, type Approve } from '../../src/services/binding/approval.ts';
import { createImportedRegister, type FamilyRegister } from '../../src/services/binding/register.ts';
import { createSettings, type Settings } from '../../src/services/settings/settings.ts';
import { createAffiliationExpiry, type AffiliationExpiry } from '../../src/services/people/affiliation-expiry.ts';
import { createGuardianships, type Guardianships } from '../../src/services/people/guardianships.ts';
import { createPeople, type People } from '../../src/services/people/people.ts';
import * as auditStore from '../../src/store/audit.ts';
import type { Store } from '../../src/store/database/index.ts';
import { createCapturedLog, type CapturedLog } from './log.ts';

export const TEST_ISSUER = 'https://id.example';
/** A Monday at noon in the city. */
export const TEST_NOW = Date.UTC(2026, 10, 23, 4);

/** A fast hasher whose hash is a prefix and the password, so that tests can read it. */
export interface ReadableHasher extends PasswordHasher {
  /** The passwords of all decoy verifications. */
  readonly decoys: string[];
  /** The error that `hash` and `verify` throw. */
  fails: Error | undefined;
  /** Hashes for which `needsRehash` returns true. */
  readonly outdated: Set<string>;
}

export const readableHash = (password: string): string => `hash of ${password}`;

function createReadableHasher(): ReadableHasher {
  const decoys: string[] = [];
  const outdated = new Set<string>();
  const hasher: ReadableHasher = {
    decoys,
    outdated,
    fails: undefined,
    hash: (password) => (hasher.fails ? Promise.reject(hasher.fails) : Promise.resolve(readableHash(password))),
    verify: (hash, password) =>
      hasher.fails ? Promise.reject(hasher.fails) : Promise.resolve(hash.endsWith(readableHash(password))),
    verifyDecoy: (password) => {
      decoys.push(password);
      return Promise.resolve(false);
    },
    isEasilyGuessed: (password) => Promise.resolve(isEasilyGuessed(password)),
    needsRehash: (hash) => outdated.has(hash),
    queueLength: () => 0,
    isNearCapacity: () => false,
    close: () => Promise.resolve(),
  };
  return hasher;
}

/** A registry whose database has no relying parties. */
export const NO_STORED_CLIENTS: Parameters<typeof createClientRegistry>[3] = {
  find: () => undefined,
  list: () => [],
  refresh: () => Promise.resolve(undefined),
  refreshAll: () => Promise.resolve(),
  lockEnabled: () => Promise.resolve(false),
};

/** A registered relying party with a back-channel logout URI. */
export function testClient(id: string, more: object = {}): ClientRegistration {
  return clientSchema.parse({
    client_id: id,
    client_name: id,
    client_secret_sha256: ['0'.repeat(64)],
    redirect_uris: [`https://${id}.example/callback`],
    backchannel_logout_uri: `https://${id}.example/logout`,
    scopes: ['openid', 'roles', 'children'],
    permissions: ['portfolio:read'],
    first_party: true,
    ...more,
  });
}

export interface TestServices {
  readonly store: Store;
  readonly access: AccountAccess;
  readonly affiliationExpiry: AffiliationExpiry;
  readonly passwordVerifier: PasswordVerifier;
  readonly audit: Audit;
  readonly clients: ClientRegistry;
  readonly storedClients: StoredClients;
  readonly revocation: Revocation;
  readonly approve: Approve;
  readonly guardianships: Guardianships;
  readonly register: FamilyRegister;
  readonly hasher: ReadableHasher;
  readonly metrics: Metrics;
  readonly outbox: Outbox;
  readonly passwords: Passwords;
  readonly people: People;
  readonly passwordReset: PasswordReset;
  readonly secondFactors: SecondFactors;
  readonly secrets: Secrets;
  readonly settings: Settings;
  readonly signIn: SignIn;
  readonly capturedLog: CapturedLog;
  readonly clock: Clock;
  readonly log: Logger;
  readonly keyRing: KeyRing;
  readonly knownDevices: KnownDevices;
  advance(ms: number): void;
  /** Counts the commits that enqueued jobs since the last call. */
  wakes(): number;
  /** Returns the audit entries since the last call. */
  newEntries(): Promise<ChainedEntry[]>;
  /** Removes and returns the pending jobs of the outbox, oldest first. */
  takeJobs(): Promise<OutboxJob[]>;
}

/** Creates the services on a store, connected as in `createContainer`, without HTTP, argon2id and jobs. */
export function createTestServices(store: Store, clients: readonly ClientRegistration[] = []): TestServices {
  let now = TEST_NOW;
  let commits = 0;
  let lastSeq = 0;
  const clock = { now: () => now };
  const capturedLog = createCapturedLog();
  const hasher = createReadableHasher();
  const secrets = createSecrets(randomBytes(32), systemRandom);
  const i18n = createI18n(new URL('../../config/locales', import.meta.url).pathname);
  const { log } = capturedLog;
  const base = { store, clock, random: systemRandom, log, secrets, issuer: TEST_ISSUER, hasher, i18n };
  const metrics = createMetrics(hasher, log);
  const registrations = { clients, resourceServers: [] };
  const storedClients = createStoredClients(base);
  const basics = {
    ...base,
    metrics,
    clients: createClientRegistry(registrations, TEST_ISSUER, i18n, storedClients),
    storedClients,
  };
  const outbox = createOutbox(basics);
  outbox.onEnqueued(() => (commits += 1));
  const knownDevices = createKnownDevices(basics);
  const records = { ...basics, knownDevices, audit: createAudit(basics), outbox };
  const rateLimiter = createRequestRateLimiter(basics);
  const ends = {
    ...records,
    rateLimiter,
    revocation: createRevocation(records),
    passwordVerifier: createPasswordVerifier(records),
  };
  const settings = createSettings({ store, clock, passwordMinLength: 12 });
  const passwords = createPasswords({ ...ends, settings });
  const people = createPeople(ends);
  return {
    ...ends,
    settings,
    passwords,
    capturedLog,
    access: createAccountAccess(ends),
    affiliationExpiry: createAffiliationExpiry(ends),
    approve: createApproval({ ...ends, settings }),
    guardianships: createGuardianships(ends),
    register: createImportedRegister(ends),
    people,
    passwordReset: createPasswordReset({ ...ends, passwords, people }),
    keyRing: createKeyRing(ends),
    secondFactors: createSecondFactors(ends),
    signIn: createSignIn(ends),
    advance: (ms) => {
      now += ms;
    },
    wakes: () => {
      const count = commits;
      commits = 0;
      return count;
    },
    newEntries: async () => {
      const entries = await store.read((tx) => auditStore.listEntries(tx, lastSeq, 1_000));
      lastSeq = entries.at(-1)?.seq ?? lastSeq;
      return entries;
    },
    takeJobs: async () => {
      const rows = await store.write((tx) => tx.db.delete(tx.tables.outbox).returning());
      return rows.sort((a, b) => a.createdAt - b.createdAt).map((row) => outbox.open(row));
    },
  };
}
