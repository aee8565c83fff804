import type { Server } from 'node:http';
import { assertConformanceProfile } from '../config/conformance-checks.ts';
import type { Config } from '../config/load.ts';
import { assertSafeToStart } from '../config/startup-checks.ts';
import type { Clock } from '../domain/clock.ts';
import type { Random } from '../domain/random.ts';
import { createApp } from '../http/app.ts';
import type { HttpDeps } from '../http/deps.ts';
import { createPages, showProviderError } from '../http/pages/pages.ts';
import { createDevicePages } from '../http/provider/device-pages.ts';
import { createConnections } from '../http/server/connections.ts';
import { createDrain, type Drain } from '../http/server/drain.ts';
import { rejectDuplicateHeaders } from '../http/server/duplicate-headers.ts';
import { createInFlightTracker, type Handler, type InFlightTracker } from '../http/server/in-flight-tracker.ts';
import { createHttpServer } from '../http/server/server.ts';
import { startAuditArchiveJob } from '../jobs/audit-archive.ts';
import { startExpiryJob } from '../jobs/expiry.ts';
import { startKeyRotationJob } from '../jobs/key-rotation.ts';
import { startOutboxDelivery } from '../jobs/outbox-delivery.ts';
import type { PeriodicJob } from '../jobs/periodic-job.ts';
import { startPurgeJob } from '../jobs/purge.ts';
import { customizeForConformance } from '../oidc/conformance/customize-configuration.ts';
import { addTestPerson } from '../oidc/conformance/test-person.ts';
import { createContextChoices } from '../oidc/contexts/context-choices.ts';
import { createOidc, type Oidc } from '../oidc/provider.ts';
import { createSecrets, type Secrets } from '../platform/crypto/secrets.ts';
import { createPasswordHasher, type PasswordHasher } from '../platform/hashing/password-hasher.ts';
import type { Logger } from '../platform/logger.ts';
import { createMetrics, type Metrics } from '../platform/metrics.ts';
import { loadBrand } from '../presentation/brand.ts';
import { createI18n, type I18n } from '../presentation/i18n.ts';
import { createTemplates, type Templates } from '../presentation/templates.ts';
import { createAccountAccess, type AccountAccess } from '../services/access/account-access.ts';
import { createClientRegistry, type ClientRegistry } from '../services/access/client-registry.ts';
import { createConsents, type Consents } from '../services/access/consents.ts';
import { createGlobalRevocation, type GlobalRevocation } from '../services/access/global-revocation.ts';
import { createRequestRateLimiter, type RequestRateLimiter } from '../services/access/request-rate-limiter.ts';
import { createRevocation, type Revocation } from '../services/access/revocation.ts';
import { createAuditArchive } from '../services/audit/archive.ts';
import { createAudit, type Audit } from '../services/audit/audit.ts';
import { createKnownDevices, type KnownDevices } from '../services/authentication/known-devices.ts';
import { createPasswordReset, type PasswordReset } from '../services/authentication/password-reset.ts';
import { createPasswordVerifier, type PasswordVerifier } from '../services/authentication/password-verification.ts';
import { createPasswords, type Passwords } from '../services/authentication/passwords.ts';
import { createSignIn, type SignIn } from '../services/authentication/sign-in.ts';
import { createKeyRing, type KeyRing, type ProviderKeys } from '../services/keys/key-ring.ts';
import { createMailer } from '../services/notifications/mailer.ts';
import { createOutbox, type Outbox, type OutboxJob } from '../services/notifications/outbox.ts';
import { createAffiliationExpiry, type AffiliationExpiry } from '../services/people/affiliation-expiry.ts';
import { createGuardianships, type Guardianships } from '../services/people/guardianships.ts';
import { createPeople, type People } from '../services/people/people.ts';
import { monitorAvailability } from '../store/database/availability.ts';
import { openStore, type Store } from '../store/database/index.ts';
import { migrate, pendingMigrations } from '../store/migrate.ts';
import { hasExampleLogins } from '../store/people/people.ts';
import { countCitySchools, countDemoSchools } from '../store/people/schools.ts';

/** What a start depends on besides the configuration; tests bring their own. */
export interface RuntimeDeps {
  clock: Clock;
  random: Random;
  log: Logger;
}

/** How often jobs look for work, in milliseconds. */
export interface JobIntervals {
  keys?: number;
}

/** The running parts that the outside holds on to. */
export interface Container {
  store: Store;
  server: Server;
  drain: Drain;
  inFlight: InFlightTracker;
  metrics: Metrics;
  rateLimiter: RequestRateLimiter;
  secrets: Secrets;
  hasher: PasswordHasher;
  affiliationExpiry: AffiliationExpiry;
  guardianships: Guardianships;
  people: People;
  globalRevocation: GlobalRevocation;
  startJobs(intervals?: JobIntervals): PeriodicJob[];
  close(): Promise<void>;
}

interface Services extends RuntimeDeps {
  store: Store;
  issuer: string;
  access: AccountAccess;
  affiliationExpiry: AffiliationExpiry;
  passwordVerifier: PasswordVerifier;
  audit: Audit;
  clients: ClientRegistry;
  consents: Consents;
  knownDevices: KnownDevices;
  revocation: Revocation;
  guardianships: Guardianships;
  hasher: PasswordHasher;
  i18n: I18n;
  keyRing: KeyRing;
  metrics: Metrics;
  outbox: Outbox;
  passwords: Passwords;
  people: People;
  rateLimiter: RequestRateLimiter;
  passwordReset: PasswordReset;
  globalRevocation: GlobalRevocation;
  secrets: Secrets;
  signIn: SignIn;
  templates: Templates;
}

/** Load shedding begins above this number of requests in flight, about a second of work: each holds memory until it is answered. */
const MAX_IN_FLIGHT_REQUESTS = 500;

const LOCALES_DIR = new URL('../../config/locales', import.meta.url).pathname;
const VIEWS_DIR = new URL('../../views', import.meta.url).pathname;
const PUBLIC_DIR = new URL('../../public', import.meta.url).pathname;

/**
 * Puts the program together: every part is made here, once, and given what it needs.
 *
 * @throws {ConfigError} when it would be unsafe to start
 */
export async function createContainer(config: Config, runtime: RuntimeDeps): Promise<Container> {
  const store = await openStore({ ...config.database, log: runtime.log });
  try {
    await prepareDatabase(config, store);
    return await assemble(config, runtime, store);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function prepareDatabase(config: Config, store: Store): Promise<void> {
  if (config.migrations === 'apply') await migrate(store);
  const pending = await pendingMigrations(store);
  const isMigrated = pending.length === 0;
  assertSafeToStart(config, {
    pendingMigrations: pending,
    demoSchools: isMigrated ? await store.read((tx) => countDemoSchools(tx)) : 0,
    exampleLogins: isMigrated && (await store.read((tx) => hasExampleLogins(tx))),
  });
  assertConformanceProfile(config, { citySchools: await store.read((tx) => countCitySchools(tx)) });
}

async function assemble(config: Config, runtime: RuntimeDeps, unmonitored: Store): Promise<Container> {
  const { store, isAvailable } = monitorAvailability(unmonitored, runtime.log);
  const services = await createServices(config, runtime, store);
  const connections = createConnections({ ...services, trustedProxies: config.trustedProxies });
  const inFlight = createInFlightTracker(connections);
  const drain = createDrain(inFlight);
  const probes: AdmissionProbes = {
    ready: async () => !drain.hasBegun() && isAvailable(),
    isOverloaded: () => services.hasher.isNearCapacity() || inFlight.count() > MAX_IN_FLIGHT_REQUESTS,
  };
  if (config.profile === 'conformance') await addTestPerson(services);
  const { guardianships, hasher, templates, i18n, secrets, metrics, keyRing } = services;
  // Requests go to whatever face is current, so keys change without a restart and without a failed request.
  let providerApp = createProviderApp(config, services, probes, await keyRing.load());
  await providerApp.oidc.checkClients();
  const handle = rejectDuplicateHeaders((request, response) => providerApp.handle(request, response));
  const server = createHttpServer(config.tls, connections, drain.watch(inFlight.watch(handle)));
  const mailer = createMailer(config.mail, templates, i18n);
  return {
    store,
    server,
    drain,
    inFlight,
    metrics,
    rateLimiter: services.rateLimiter,
    secrets,
    hasher,
    affiliationExpiry: services.affiliationExpiry,
    guardianships,
    people: services.people,
    globalRevocation: services.globalRevocation,
    startJobs: (intervals = {}) => [
      startOutboxDelivery({
        ...services,
        hostOf: (job) => deliveryHost(config, services, job),
        deliver: {
          mail: (job) => mailer.send(job),
          logout: ({ clientId, personId, sid }) => providerApp.oidc.sendLogout(clientId, personId, sid),
        },
      }),
      startPurgeJob(services),
      startExpiryJob(services),
      ...startAuditArchiveJobs(config, services),
      startKeyRotationJob({
        ...services,
        rotationDays: config.keyRotationDays,
        pollMs: intervals.keys,
        inUse: () => providerApp.keys.version,
        use: (keys) => {
          providerApp = createProviderApp(config, services, probes, keys);
        },
      }),
    ],
    close: async () => {
      mailer.close();
      await hasher.close();
      await store.close();
    },
  };
}

function deliveryHost({ mail }: Config, { clients }: Services, job: OutboxJob): string | undefined {
  const url = job.kind === 'mail' ? mail.smtpUrl : clients.find(job.clientId)?.backchannel_logout_uri;
  return url === undefined ? undefined : new URL(url).host;
}

function startAuditArchiveJobs({ auditArchive }: Config, services: Services): PeriodicJob[] {
  if (auditArchive === undefined) return [];
  return [startAuditArchiveJob({ archive: createAuditArchive(services, auditArchive), log: services.log })];
}

/** The use-cases, in the order in which they rest on each other. */
async function createServices(config: Config, { clock, random, log }: RuntimeDeps, store: Store): Promise<Services> {
  const { issuer } = config;
  const secrets = createSecrets(config.masterKey, random);
  const i18n = createI18n(LOCALES_DIR);
  const hasher = await createPasswordHasher(config.hashing);
  const base = { store, clock, random, log, secrets, issuer, hasher, i18n };
  const metrics = createMetrics(hasher, log);
  const basics = { ...base, metrics, clients: createClientRegistry(config.clientsFile, issuer, i18n) };
  const knownDevices = createKnownDevices(basics);
  const records = { ...basics, knownDevices, audit: createAudit(basics), outbox: createOutbox(basics) };
  const ends = { ...records, revocation: createRevocation(records), passwordVerifier: createPasswordVerifier(records) };
  const passwords = createPasswords({ ...ends, minLength: config.password.minLength });
  const people = createPeople(ends);
  return {
    ...ends,
    passwords,
    keyRing: createKeyRing(ends),
    rateLimiter: createRequestRateLimiter(ends),
    templates: createTemplates({
      viewsDir: VIEWS_DIR,
      publicDir: PUBLIC_DIR,
      i18n,
      brand: loadBrand(config.brandFile),
    }),
    access: createAccountAccess(ends),
    affiliationExpiry: createAffiliationExpiry(ends),
    consents: createConsents(ends),
    guardianships: createGuardianships(ends),
    people,
    passwordReset: createPasswordReset({ ...ends, passwords, people }),
    globalRevocation: createGlobalRevocation(ends),
    signIn: createSignIn(ends),
  };
}

/** What the outside talks to, with one set of keys: OpenID Connect and the web pages. */
interface ProviderApp {
  keys: ProviderKeys;
  oidc: Oidc;
  handle: Handler;
}

type AdmissionProbes = Pick<HttpDeps, 'ready' | 'isOverloaded'>;

function createProviderApp(
  config: Config,
  services: Services,
  probes: AdmissionProbes,
  keys: ProviderKeys,
): ProviderApp {
  const pages = createPages(services);
  const oidc = createOidc({
    ...services,
    keys,
    allowPrivateLogoutAddresses: config.allowPrivateLogoutAddresses,
    sessionIdleSeconds: config.sessionIdleSeconds,
    pages: {
      error: (ctx, _out, error) => {
        showProviderError(pages, ctx, error);
      },
      device: createDevicePages({ ...services, pages }),
    },
    customizeConfiguration: config.profile === 'conformance' ? customizeForConformance : undefined,
  });
  const handle = createApp({
    ...services,
    oidc,
    pages,
    listContextChoices: createContextChoices({ ...services, keys }, oidc.provider),
    trustedProxies: config.trustedProxies,
    minPasswordLength: config.password.minLength,
    ...probes,
  });
  return { keys, oidc, handle };
}
