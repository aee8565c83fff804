import type { Server } from 'node:http';
import { assertConformanceProfile } from '../config/conformance-checks.ts';
import type { Config } from '../config/load.ts';
import { assertSafeToStart } from '../config/startup-checks.ts';
import { createUploadMemory } from '../http/forms/upload-memory.ts';
import { createConnections, type Connections } from '../http/server/connections.ts';
import { createDrain, type Drain } from '../http/server/drain.ts';
import { rejectDuplicateHeaders } from '../http/server/duplicate-headers.ts';
import { createInFlightTracker, type InFlightTracker } from '../http/server/in-flight-tracker.ts';
import { createProxyCheck } from '../http/server/proxy-check.ts';
import { createHttpServer } from '../http/server/server.ts';
import type { PeriodicJob } from '../jobs/periodic-job.ts';
import packageJson from '../../package.json' with { type: 'json' };
import type { Metrics } from '../platform/metrics.ts';
import { addNodeMetrics } from '../platform/node-metrics.ts';
import { TEST_PERSON } from '../oidc/conformance/test-person.ts';
import { loadBrand, type Brand } from '../presentation/brand.ts';
import { createMailer } from '../services/notifications/mailer.ts';
import { insertTestPerson } from '../services/people/test-person.ts';
import { monitorAvailability } from '../store/database/availability.ts';
import type { PoolUse, Store } from '../store/database/index.ts';
import { openNamedStore } from '../store/open.ts';
import { probeWrite } from '../store/write-probe.ts';
import { migrate, pendingMigrations } from '../store/migrate.ts';
import { hasExampleLogins } from '../store/people/people.ts';
import { countCitySchools, countDemoSchools } from '../store/people/schools.ts';
import { createClientsFile } from './clients-file.ts';
import { startJobs, type JobIntervals } from './jobs.ts';
import { createProviderApp, type ProcessState, type ProviderApp } from './provider-app.ts';
import { createLdap } from './ldap.ts';
import type { LdapServers } from '../ldap/server/listeners.ts';
import { createServices, type RuntimeDeps, type Services } from './services.ts';

/** The parts of a process that `main.ts` and tests use. */
export interface Container extends Pick<
  Services,
  | 'store'
  | 'metrics'
  | 'rateLimiter'
  | 'secrets'
  | 'hasher'
  | 'affiliationExpiry'
  | 'applicationTransfers'
  | 'console'
  | 'adulthood'
  | 'guardianships'
  | 'people'
  | 'secondFactors'
  | 'globalRevocation'
> {
  server: Server;
  /** Undefined: the directory is off. */
  ldap: LdapServers | undefined;
  drain: Drain;
  inFlight: InFlightTracker;
  /** Reads the clients file now. A file with an error changes nothing. */
  reloadClients(): void;
  startJobs(intervals?: JobIntervals): PeriodicJob[];
  close(): Promise<void>;
}

/** Load shedding starts above this number of requests in flight, about a second of work. Each request holds memory until its response. */
const MAX_IN_FLIGHT_REQUESTS = 500;

/**
 * Composition root: loads the brand and opens the database, then creates every part once and passes it what it needs.
 *
 * @throws {Error} when the brand file is invalid; no database is created then
 * @throws {ConfigError} when it would be unsafe to start
 */
export async function createContainer(config: Config, runtime: RuntimeDeps): Promise<Container> {
  const brand = loadBrand(config.brandFile);
  const store = await openNamedStore({ ...config.database, log: runtime.log });
  try {
    await prepareDatabase(config, store);
    return await assemble(config, runtime, store, brand);
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
    hasExampleLogins: isMigrated && (await store.read((tx) => hasExampleLogins(tx))),
  });
  assertConformanceProfile(config, { citySchools: await store.read((tx) => countCitySchools(tx)) });
}

function watchNode({ registry }: Metrics, store: Store, { isReady }: ProcessState): void {
  const poolUse = (): PoolUse[] => store.poolUse();
  addNodeMetrics(registry, { version: packageJson.version, database: store.dialect, isReady, poolUse });
}

function createServer(
  { tls, trustedProxies }: Config,
  services: Services,
  connections: Connections,
  handle: Parameters<typeof createHttpServer>[2],
): Server {
  const proxies = createProxyCheck({ ...services, trustedProxies });
  const server = createHttpServer(tls, connections, proxies.watch(handle));
  proxies.watchConnections(server);
  return server;
}

async function assemble(config: Config, runtime: RuntimeDeps, unmonitored: Store, brand: Brand): Promise<Container> {
  const { store, isAvailable } = monitorAvailability(unmonitored, runtime.log, probeWrite);
  const services = await createServices(config, { ...runtime, store, brand });
  const { clock, log, metrics, hasher } = services;
  const connections = createConnections({ log, metrics, trustedProxies: config.trustedProxies });
  const inFlight = createInFlightTracker(connections);
  const drain = createDrain(inFlight);
  const state: ProcessState = {
    clientKeys: new Map(),
    isReady: async () => !drain.hasBegun() && isAvailable(),
    isOverloaded: () => hasher.isNearCapacity() || inFlight.count() > MAX_IN_FLIGHT_REQUESTS,
    uploadMemory: createUploadMemory(),
  };
  watchNode(metrics, store, state);
  if (config.profile === 'conformance') await insertTestPerson({ store, hasher, clock }, TEST_PERSON);
  // The handler reads this variable for each request, so keys change without a restart and without a failed request.
  const keys = await services.keyRing.load();
  let app: ProviderApp = createProviderApp(config, services, state, keys);
  const clientsReload = createClientsFile(config, services, () => app.oidc);
  const handle = rejectDuplicateHeaders((request, response) => app.handle(request, response));
  const server = createServer(config, services, connections, drain.watch(inFlight.watch(handle)));
  const mailer = createMailer(config.mail, services);
  const jobDeps = {
    config,
    services,
    mailer,
    clientsReload,
    currentApp: () => app,
    useKeys: (fresh: ProviderApp['keys']) => {
      app = createProviderApp(config, services, state, fresh);
    },
  };
  return {
    store,
    server,
    ldap: createLdap(config, services, keys.pairwiseKey),
    drain,
    inFlight,
    metrics,
    rateLimiter: services.rateLimiter,
    secrets: services.secrets,
    hasher,
    affiliationExpiry: services.affiliationExpiry,
    applicationTransfers: services.applicationTransfers,
    console: services.console,
    guardianships: services.guardianships,
    adulthood: services.adulthood,
    people: services.people,
    secondFactors: services.secondFactors,
    globalRevocation: services.globalRevocation,
    reloadClients: () => {
      clientsReload.reload();
    },
    startJobs: (intervals = {}) => startJobs(jobDeps, intervals),
    close: async () => {
      mailer.close();
      await hasher.close();
      await store.close();
    },
  };
}
