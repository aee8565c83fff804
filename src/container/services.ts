import type { Config } from '../config/load.ts';
import type { Clock } from '../domain/clock.ts';
import type { Random } from '../domain/random.ts';
import { createSecrets, type Secrets } from '../platform/crypto/secrets.ts';
import { createPasswordHasher, type PasswordHasher } from '../platform/hashing/password-hasher.ts';
import type { Logger } from '../platform/logger.ts';
import { createMetrics, type Metrics } from '../platform/metrics.ts';
import type { Brand } from '../presentation/brand.ts';
import { createI18n, type I18n } from '../presentation/i18n.ts';
import { createTemplates, type Templates } from '../presentation/templates.ts';
import { createAccountAccess, type AccountAccess } from '../services/access/account-access.ts';
import { createClientRegistry, type ClientRegistry } from '../services/access/client-registry.ts';
import { createConsents, type Consents } from '../services/access/consents.ts';
import { createGlobalRevocation, type GlobalRevocation } from '../services/access/global-revocation.ts';
import { createRequestRateLimiter, type RequestRateLimiter } from '../services/access/request-rate-limiter.ts';
import { createStoredClients, type StoredClients } from '../services/access/stored-clients.ts';
import { createRevocation, type Revocation } from '../services/access/revocation.ts';
import { createAudit, type Audit } from '../services/audit/audit.ts';
import { createHumanCheck, type HumanCheck } from '../services/authentication/human-check.ts';
import { createKnownDevices, type KnownDevices } from '../services/authentication/known-devices.ts';
import { createPasswordReset, type PasswordReset } from '../services/authentication/password-reset.ts';
import { createPasswordVerifier, type PasswordVerifier } from '../services/authentication/password-verification.ts';
import { createPasswords, type Passwords } from '../services/authentication/passwords.ts';
import { createSecondFactors, type SecondFactors } from '../services/authentication/second-factors.ts';
import { createSignIn, type SignIn } from '../services/authentication/sign-in.ts';
import { createApproval, type Approve } from '../services/binding/approval.ts';
import { createBindingApplications, type BindingApplications } from '../services/binding/applications.ts';
import { createApplicationTransfers, type ApplicationTransfers } from '../services/binding/transfers.ts';
import { createImportedRegister, type FamilyRegister } from '../services/binding/register.ts';
import { createSchoolDirectory, type SchoolDirectory } from '../services/binding/school-directory.ts';
import type { ConsoleServices } from '../services/console/index.ts';
import { createKeyRing, type KeyRing } from '../services/keys/key-ring.ts';
import { createOutbox, type Outbox } from '../services/notifications/outbox.ts';
import { createAccountCounts, type AccountCounts } from '../services/statistics/account-counts.ts';
import { createUsageCounts, type UsageCounts } from '../services/statistics/usage-counts.ts';
import { createAdulthood, type Adulthood } from '../services/people/adulthood.ts';
import { createAffiliationExpiry, type AffiliationExpiry } from '../services/people/affiliation-expiry.ts';
import { createGuardianshipEnds, type GuardianshipEnds } from '../services/people/guardianship-ends.ts';
import { createGuardianships, type Guardianships } from '../services/people/guardianships.ts';
import { createPeople, type People } from '../services/people/people.ts';
import { createSettings, type Settings } from '../services/settings/settings.ts';
import type { Store } from '../store/database/index.ts';
import { createConsoleServices } from './console.ts';
import { createSelfService, type SelfService } from './self-service.ts';

/** The clock, the random source and the log of a process. Tests pass their own. */
export interface RuntimeDeps {
  clock: Clock;
  random: Random;
  log: Logger;
}

interface ServiceDeps extends RuntimeDeps {
  store: Store;
  brand: Brand;
}

/** Services that several use cases depend on. */
interface SharedServices {
  secrets: Secrets;
  hasher: PasswordHasher;
  i18n: I18n;
  metrics: Metrics;
  clients: ClientRegistry;
  storedClients: StoredClients;
  audit: Audit;
  outbox: Outbox;
  humanCheck: HumanCheck;
  knownDevices: KnownDevices;
  rateLimiter: RequestRateLimiter;
  settings: Settings;
  usageCounts: UsageCounts;
  accountCounts: AccountCounts;
}

/** The use cases and the services that they depend on, created once per process. */
export interface Services extends RuntimeDeps, SharedServices, SelfService {
  approve: Approve;
  register: FamilyRegister;
  store: Store;
  issuer: string;
  access: AccountAccess;
  adulthood: Adulthood;
  affiliationExpiry: AffiliationExpiry;
  applicationTransfers: ApplicationTransfers;
  binding: BindingApplications;
  consents: Consents;
  console: ConsoleServices;
  globalRevocation: GlobalRevocation;
  guardianships: Guardianships;
  guardianshipEnds: GuardianshipEnds;
  keyRing: KeyRing;
  passwordReset: PasswordReset;
  passwordVerifier: PasswordVerifier;
  passwords: Passwords;
  people: People;
  revocation: Revocation;
  schoolDirectory: SchoolDirectory;
  secondFactors: SecondFactors;
  signIn: SignIn;
  templates: Templates;
}

const LOCALES_DIR = new URL('../../config/locales', import.meta.url).pathname;
const VIEWS_DIR = new URL('../../views', import.meta.url).pathname;
const PUBLIC_DIR = new URL('../../public', import.meta.url).pathname;

/** Creates the use cases, each after those that it depends on. */
export async function createServices(config: Config, deps: ServiceDeps): Promise<Services> {
  const { store, brand, clock, random, log } = deps;
  const { issuer } = config;
  const shared = await createSharedServices(config, deps);
  const { secrets, hasher, i18n, metrics, storedClients, clients, audit, outbox, knownDevices, rateLimiter, settings } =
    shared;
  const revocation = createRevocation({ clients, outbox, secrets, clock, random });
  const base = { store, clock, random, log, secrets, audit, outbox, revocation };
  const keyRing = createKeyRing(base);
  const binding = createBindingServices({ ...base, settings, issuer });
  const credentials = createCredentialServices(config, { ...base, hasher, knownDevices, rateLimiter, settings });
  const { passwordReset, passwordVerifier, passwords, people } = credentials;
  const access = createAccessServices({ ...base, clients, issuer });
  return {
    ...base,
    ...binding,
    issuer,
    hasher,
    i18n,
    metrics,
    storedClients,
    clients,
    knownDevices,
    rateLimiter,
    settings,
    usageCounts: shared.usageCounts,
    accountCounts: shared.accountCounts,
    passwordReset,
    passwordVerifier,
    passwords,
    people,
    ...access,
    humanCheck: shared.humanCheck,
    ...createSelfService(config, { ...base, knownDevices, clients, storedClients }),
    console: createConsoleServices({
      ...base,
      keyRing,
      clients,
      storedClients,
      settings,
      passwordVerifier,
      guardianships: access.guardianships,
      issuer,
      ...binding,
    }),
    keyRing,
    secondFactors: createSecondFactors({ store, secrets, clock, random, audit, outbox, issuer }),
    signIn: createSignIn({ store, passwordVerifier, log, metrics }),
    templates: createTemplates({ viewsDir: VIEWS_DIR, publicDir: PUBLIC_DIR, i18n, brand }),
  };
}

type BindingServices = Pick<Services, 'applicationTransfers' | 'approve' | 'binding' | 'register' | 'schoolDirectory'>;
type BindingServiceDeps = Pick<
  Services,
  'store' | 'clock' | 'random' | 'secrets' | 'audit' | 'outbox' | 'settings' | 'issuer'
>;

/** Creates the applications of families and what decides about them. */
function createBindingServices(deps: BindingServiceDeps): BindingServices {
  const register = createImportedRegister(deps);
  const approve = createApproval(deps);
  return {
    register,
    approve,
    binding: createBindingApplications({ ...deps, register, approve }),
    applicationTransfers: createApplicationTransfers(deps),
    schoolDirectory: createSchoolDirectory(deps),
  };
}

async function createSharedServices(
  config: Config,
  { store, clock, random, log }: ServiceDeps,
): Promise<SharedServices> {
  const { issuer } = config;
  const secrets = createSecrets(config.masterKey, random);
  const i18n = createI18n(LOCALES_DIR);
  const hasher = await createPasswordHasher(config.hashing);
  const metrics = createMetrics(hasher, log);
  const usageCounts = createUsageCounts({ store, clock });
  const storedClients = createStoredClients({ store, clock, log });
  await storedClients.refreshAll();
  return {
    secrets,
    hasher,
    i18n,
    metrics,
    storedClients,
    clients: createClientRegistry(config.clientsFile, issuer, i18n, storedClients),
    audit: createAudit({
      store,
      clock,
      log,
      metrics,
      secrets,
      onCommitted: (event) => {
        usageCounts.add(event);
      },
    }),
    usageCounts,
    accountCounts: createAccountCounts({ store, clock }),
    outbox: createOutbox({ store, clock, random, secrets }),
    humanCheck: createHumanCheck({ store, clock, secrets }),
    knownDevices: createKnownDevices({ secrets, random }),
    rateLimiter: createRequestRateLimiter({ clock, log, metrics }),
    settings: createSettings({ store, clock, passwordMinLength: config.password.minLength }),
  };
}

type AccessServices = Pick<
  Services,
  'access' | 'adulthood' | 'affiliationExpiry' | 'consents' | 'globalRevocation' | 'guardianships' | 'guardianshipEnds'
>;

/** Creates the services that grant and revoke access. */
function createAccessServices({
  store,
  clock,
  secrets,
  log,
  clients,
  audit,
  outbox,
  revocation,
  issuer,
}: Pick<
  Services,
  'store' | 'clock' | 'secrets' | 'log' | 'clients' | 'audit' | 'outbox' | 'revocation' | 'issuer'
>): AccessServices {
  return {
    access: createAccountAccess({ store, clock, audit, revocation }),
    adulthood: createAdulthood({ store, clock, audit, revocation, secrets, log, outbox, issuer }),
    affiliationExpiry: createAffiliationExpiry({ store, clock, clients, audit, revocation }),
    consents: createConsents({ store, clock, secrets, audit }),
    globalRevocation: createGlobalRevocation({ store, clock, secrets, clients, audit, outbox }),
    guardianshipEnds: createGuardianshipEnds({ store, clock, audit, secrets, outbox, issuer }),
    guardianships: createGuardianships({ store, clock, audit, revocation, secrets, outbox, issuer }),
  };
}

type CredentialServices = Pick<Services, 'passwordReset' | 'passwordVerifier' | 'passwords' | 'people'>;

/** Creates the services that verify, set and reset passwords. */
function createCredentialServices(
  { issuer }: Config,
  deps: RuntimeDeps &
    Pick<
      Services,
      'store' | 'secrets' | 'hasher' | 'audit' | 'outbox' | 'knownDevices' | 'rateLimiter' | 'settings' | 'revocation'
    >,
): CredentialServices {
  const { store, clock, random, log, secrets, hasher, audit, outbox, knownDevices, rateLimiter, settings, revocation } =
    deps;
  const passwordVerifier = createPasswordVerifier({
    store,
    hasher,
    secrets,
    clock,
    log,
    audit,
    knownDevices,
    outbox,
    issuer,
  });
  const passwords = createPasswords({
    store,
    passwordVerifier,
    hasher,
    rateLimiter,
    secrets,
    clock,
    audit,
    outbox,
    revocation,
    settings,
    issuer,
  });
  const people = createPeople({ store, passwordVerifier, clock, secrets, log, audit, revocation });
  const passwordReset = createPasswordReset({
    store,
    secrets,
    clock,
    random,
    hasher,
    audit,
    outbox,
    passwords,
    rateLimiter,
    people,
    issuer,
  });
  return { passwordReset, passwordVerifier, passwords, people };
}
