import { refuseUnsafe } from './config/boot-checks.ts';
import { refuseConformance } from './config/conformance-checks.ts';
import type { Config } from './config/load.ts';
import type { Clock } from './domain/clock.ts';
import type { Random } from './domain/random.ts';
import { createApp } from './http/app.ts';
import type { HttpDeps } from './http/deps.ts';
import { createConnections } from './http/connections.ts';
import { createDrain, type Drain } from './http/drain.ts';
import { rejectDuplicateHeaders } from './http/duplicate-headers.ts';
import { createInFlight, type Handler, type InFlight } from './http/in-flight.ts';
import { createListener } from './http/listener.ts';
import { createPages, showProviderError } from './http/pages.ts';
import { createDevicePages } from './http/device.ts';
import { startAuditArchiveJob } from './jobs/audit-archive.ts';
import { startEndDatesJob } from './jobs/end-dates.ts';
import { startKeysJob } from './jobs/keys.ts';
import type { Loop } from './jobs/loop.ts';
import { startOutboxJob } from './jobs/outbox.ts';
import { startPurgeJob } from './jobs/purge.ts';
import { amendForConformance } from './oidc/conformance/amend.ts';
import { addTestPerson } from './oidc/conformance/person.ts';
import { createOffers } from './oidc/offers.ts';
import { createOidc, type Oidc } from './oidc/provider.ts';
import { createAccess, type Access } from './services/access.ts';
import { createAffiliations, type Affiliations } from './services/affiliations.ts';
import { createAttempts, type Attempts } from './services/attempts.ts';
import { createAuditArchive } from './services/audit-archive.ts';
import { createAudit, type Audit } from './services/audit.ts';
import { watchStore } from './services/availability.ts';
import { loadBrand } from './services/brand.ts';
import { createClients, type Clients } from './services/clients.ts';
import { createConsents, type Consents } from './services/consents.ts';
import { createEndings, type Endings } from './services/endings.ts';
import { createGuardianships, type Guardianships } from './services/guardianships.ts';
import { createHasher, type Hasher } from './services/hashing.ts';
import { createI18n, type I18n } from './services/i18n.ts';
import { createKnownDevices, type KnownDevices } from './services/known-devices.ts';
import { createKeyRing, type KeyRing, type Keys } from './services/keys.ts';
import type { Logger } from './services/logger.ts';
import { createMailer } from './services/mail.ts';
import { createMetrics, type Metrics } from './services/metrics.ts';
import { createOutbox, type Outbox, type OutboxJob } from './services/outbox.ts';
import { createPasswords, type Passwords } from './services/passwords.ts';
import { createPeople, type People } from './services/people.ts';
import { createRecovery, type Recovery } from './services/recovery.ts';
import { createRequestRates, type RequestRates } from './services/request-rates.ts';
import { createRevocation, type Revocation } from './services/revoke-all.ts';
import { createSecrets, type Secrets } from './services/secrets.ts';
import { createSignIn, type SignIn } from './services/sign-in.ts';
import { createTemplates, type Templates } from './services/templates.ts';
import type { Server } from 'node:http';
import { openStore, type Store } from './store/database/index.ts';
import { hasExampleLogins } from './store/people.ts';
import { migrate, pendingMigrations } from './store/migrate.ts';
import { countCitySchools, countDemoSchools } from './store/schools.ts';

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

const LOCALES = new URL('../config/locales', import.meta.url).pathname;
const VIEWS = new URL('../views', import.meta.url).pathname;
const PUBLIC = new URL('../public', import.meta.url).pathname;

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
