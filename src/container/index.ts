import type { Server } from 'node:http';
import { refuseConformance } from '../config/conformance-checks.ts';
import type { Config } from '../config/load.ts';
import { refuseUnsafe } from '../config/startup-checks.ts';
import type { Clock } from '../domain/clock.ts';
import type { Random } from '../domain/random.ts';
import { createApp } from '../http/app.ts';
import type { HttpDeps } from '../http/deps.ts';
import { createPages, showProviderError } from '../http/pages/pages.ts';
import { createDevicePages } from '../http/provider/device-pages.ts';
import { createConnections } from '../http/server/connections.ts';
import { createDrain, type Drain } from '../http/server/drain.ts';
import { rejectDuplicateHeaders } from '../http/server/duplicate-headers.ts';
import { createInFlight, type Handler, type InFlight } from '../http/server/in-flight-tracker.ts';
import { createListener } from '../http/server/server.ts';
import { startAuditArchiveJob } from '../jobs/audit-archive.ts';
import { startEndDatesJob } from '../jobs/expiry.ts';
import { startKeysJob } from '../jobs/key-rotation.ts';
import { startOutboxJob } from '../jobs/outbox-delivery.ts';
import type { Loop } from '../jobs/periodic-job.ts';
import { startPurgeJob } from '../jobs/purge.ts';
import { amendForConformance } from '../oidc/conformance/customize-configuration.ts';
import { addTestPerson } from '../oidc/conformance/test-person.ts';
import { createOffers } from '../oidc/contexts/context-choices.ts';
import { createOidc, type Oidc } from '../oidc/provider.ts';
import { createSecrets, type Secrets } from '../platform/crypto/secrets.ts';
import { createHasher, type Hasher } from '../platform/hashing/password-hasher.ts';
import type { Logger } from '../platform/logger.ts';
import { createMetrics, type Metrics } from '../platform/metrics.ts';
import { loadBrand } from '../presentation/brand.ts';
import { createI18n, type I18n } from '../presentation/i18n.ts';
import { createTemplates, type Templates } from '../presentation/templates.ts';
import { createAccess, type Access } from '../services/access/account-access.ts';
import { createClients, type Clients } from '../services/access/client-registry.ts';
import { createConsents, type Consents } from '../services/access/consents.ts';
import { createRevocation, type Revocation } from '../services/access/global-revocation.ts';
import { createRequestRates, type RequestRates } from '../services/access/request-rate-limiter.ts';
import { createEndings, type Endings } from '../services/access/revocation.ts';
import { createAuditArchive } from '../services/audit/archive.ts';
import { createAudit, type Audit } from '../services/audit/audit.ts';
import { createKnownDevices, type KnownDevices } from '../services/authentication/known-devices.ts';
import { createRecovery, type Recovery } from '../services/authentication/password-reset.ts';
import { createAttempts, type Attempts } from '../services/authentication/password-verification.ts';
import { createPasswords, type Passwords } from '../services/authentication/passwords.ts';
import { createSignIn, type SignIn } from '../services/authentication/sign-in.ts';
import { createKeyRing, type KeyRing, type Keys } from '../services/keys/key-ring.ts';
import { createMailer } from '../services/notifications/mailer.ts';
import { createOutbox, type Outbox, type OutboxJob } from '../services/notifications/outbox.ts';
import { createAffiliations, type Affiliations } from '../services/people/affiliation-expiry.ts';
import { createGuardianships, type Guardianships } from '../services/people/guardianships.ts';
import { createPeople, type People } from '../services/people/people.ts';
import { watchStore } from '../store/database/availability.ts';
import { openStore, type Store } from '../store/database/index.ts';
import { migrate, pendingMigrations } from '../store/migrate.ts';
import { hasExampleLogins } from '../store/people/people.ts';
import { countCitySchools, countDemoSchools } from '../store/people/schools.ts';

/** What a start depends on besides the configuration; tests bring their own. */
export interface Surroundings {
  clock: Clock;
  random: Random;
  log: Logger;
}

/** How often jobs look for work, in milliseconds. */
export interface JobPauses {
  keys?: number;
}

/** The running parts that the outside holds on to. */
export interface Container {
  store: Store;
  server: Server;
  drain: Drain;
  inFlight: InFlight;
  metrics: Metrics;
  rates: RequestRates;
  secrets: Secrets;
  hasher: Hasher;
  affiliations: Affiliations;
  guardianships: Guardianships;
  people: People;
  revocation: Revocation;
  startJobs(pauses?: JobPauses): Loop[];
  close(): Promise<void>;
}

interface Services extends Surroundings {
  store: Store;
  issuer: string;
  access: Access;
  affiliations: Affiliations;
  attempts: Attempts;
  audit: Audit;
  clients: Clients;
  consents: Consents;
  devices: KnownDevices;
  endings: Endings;
  guardianships: Guardianships;
  hasher: Hasher;
  i18n: I18n;
  keyRing: KeyRing;
  metrics: Metrics;
  outbox: Outbox;
  passwords: Passwords;
  people: People;
  rates: RequestRates;
  recovery: Recovery;
  revocation: Revocation;
  secrets: Secrets;
  signIn: SignIn;
  templates: Templates;
}

/** Load shedding begins above this number of requests in flight, about a second of work: each holds memory until it is answered. */
const MAX_IN_FLIGHT = 500;

const LOCALES = new URL('../../config/locales', import.meta.url).pathname;
const VIEWS = new URL('../../views', import.meta.url).pathname;
const PUBLIC = new URL('../../public', import.meta.url).pathname;

/**
 * Puts the program together: every part is made here, once, and given what it needs.
 *
 * @throws {ConfigError} when it would be unsafe to start
 */
export async function createContainer(config: Config, surroundings: Surroundings): Promise<Container> {
  const store = await openStore({ ...config.database, log: surroundings.log });
  try {
    await prepareDatabase(config, store);
    return await assemble(config, surroundings, store);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function prepareDatabase(config: Config, store: Store): Promise<void> {
  if (config.migrations === 'apply') await migrate(store);
  const pending = await pendingMigrations(store);
  const whole = pending.length === 0;
  refuseUnsafe(config, {
    pendingMigrations: pending,
    demoSchools: whole ? await store.read((u) => countDemoSchools(u)) : 0,
    exampleLogins: whole && (await store.read((u) => hasExampleLogins(u))),
  });
  refuseConformance(config, { citySchools: await store.read((u) => countCitySchools(u)) });
}

async function assemble(config: Config, surroundings: Surroundings, raw: Store): Promise<Container> {
  const { store, available } = watchStore(raw, surroundings.log);
  const services = await createServices(config, surroundings, store);
  const connections = createConnections({ ...services, trustedProxies: config.trustedProxies });
  const inFlight = createInFlight(connections);
  const drain = createDrain(inFlight);
  const door: Door = {
    ready: async () => !drain.begun() && available(),
    isOverloaded: () => services.hasher.crowded() || inFlight.count() > MAX_IN_FLIGHT,
  };
  if (config.profile === 'conformance') await addTestPerson(services);
  const { guardianships, hasher, templates, i18n, secrets, metrics, keyRing } = services;
  // Requests go to whatever face is current, so keys change without a restart and without a failed request.
  let face = createFace(config, services, door, await keyRing.load());
  await face.oidc.checkClients();
  const handle = rejectDuplicateHeaders((request, response) => face.handle(request, response));
  const server = createListener(config.tls, connections, drain.watch(inFlight.watch(handle)));
  const mailer = createMailer(config.mail, templates, i18n);
  return {
    store,
    server,
    drain,
    inFlight,
    metrics,
    rates: services.rates,
    secrets,
    hasher,
    affiliations: services.affiliations,
    guardianships,
    people: services.people,
    revocation: services.revocation,
    startJobs: (pauses = {}) => [
      startOutboxJob({
        ...services,
        hostOf: (job) => deliveryHost(config, services, job),
        deliver: {
          mail: (job) => mailer.send(job),
          logout: ({ clientId, personId, sid }) => face.oidc.sendLogout(clientId, personId, sid),
        },
      }),
      startPurgeJob(services),
      startEndDatesJob(services),
      ...startArchiveJobs(config, services),
      startKeysJob({
        ...services,
        rotationDays: config.keyRotationDays,
        lookMs: pauses.keys,
        inUse: () => face.keys.version,
        use: (keys) => {
          face = createFace(config, services, door, keys);
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

function startArchiveJobs({ auditArchive }: Config, services: Services): Loop[] {
  if (auditArchive === undefined) return [];
  return [startAuditArchiveJob({ archive: createAuditArchive(services, auditArchive), log: services.log })];
}

/** The use-cases, in the order in which they rest on each other. */
async function createServices(config: Config, { clock, random, log }: Surroundings, store: Store): Promise<Services> {
  const { issuer } = config;
  const secrets = createSecrets(config.masterKey, random);
  const i18n = createI18n(LOCALES);
  const hasher = await createHasher(config.hashing);
  const base = { store, clock, random, log, secrets, issuer, hasher, i18n };
  const metrics = createMetrics(hasher, log);
  const basics = { ...base, metrics, clients: createClients(config.registrations, issuer, i18n) };
  const devices = createKnownDevices(basics);
  const records = { ...basics, devices, audit: createAudit(basics), outbox: createOutbox(basics) };
  const ends = { ...records, endings: createEndings(records), attempts: createAttempts(records) };
  const passwords = createPasswords({ ...ends, minLength: config.password.minLength });
  const people = createPeople(ends);
  return {
    ...ends,
    passwords,
    keyRing: createKeyRing(ends),
    rates: createRequestRates(ends),
    templates: createTemplates({ viewsDir: VIEWS, publicDir: PUBLIC, i18n, brand: loadBrand(config.brandFile) }),
    access: createAccess(ends),
    affiliations: createAffiliations(ends),
    consents: createConsents(ends),
    guardianships: createGuardianships(ends),
    people,
    recovery: createRecovery({ ...ends, passwords, people }),
    revocation: createRevocation(ends),
    signIn: createSignIn(ends),
  };
}

/** What the outside talks to, with one set of keys: OpenID Connect and the web pages. */
interface Face {
  keys: Keys;
  oidc: Oidc;
  handle: Handler;
}

type Door = Pick<HttpDeps, 'ready' | 'isOverloaded'>;

function createFace(config: Config, services: Services, door: Door, keys: Keys): Face {
  const pages = createPages(services);
  const oidc = createOidc({
    ...services,
    keys,
    allowPrivateLogoutAddresses: config.allowPrivateLogoutAddresses,
    sessionIdle: config.sessionIdle,
    pages: {
      error: (ctx, _out, error) => {
        showProviderError(pages, ctx, error);
      },
      device: createDevicePages({ ...services, pages }),
    },
    amend: config.profile === 'conformance' ? amendForConformance : undefined,
  });
  const handle = createApp({
    ...services,
    oidc,
    pages,
    offersAt: createOffers({ ...services, keys }, oidc.provider),
    trustedProxies: config.trustedProxies,
    minPasswordLength: config.password.minLength,
    ...door,
  });
  return { keys, oidc, handle };
}
