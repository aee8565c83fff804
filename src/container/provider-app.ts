import { createRequiresSecondFactor } from '../services/settings/required-second-factor.ts';
import type { Config } from '../config/load.ts';
import { createApp } from '../http/app.ts';
import type { HttpDeps } from '../http/deps.ts';
import { isApiPath } from '../http/paths.ts';
import { showProviderError } from '../http/pages/error-pages.ts';
import { createPages, type Pages } from '../http/pages/pages.ts';
import { createDevicePages } from '../http/provider/device-pages.ts';
import type { Handler } from '../http/server/in-flight-tracker.ts';
import { allowAddressScope, customizeForConformance } from '../oidc/conformance/customize-configuration.ts';
import { createContextChoices } from '../oidc/contexts/context-choices.ts';
import type { OidcDeps } from '../oidc/deps.ts';
import { createOidc, type Oidc } from '../oidc/provider.ts';
import type { ProviderKeys } from '../services/keys/key-ring.ts';
import type { Services } from './services.ts';

/** The OpenID provider and the web pages with one set of keys. New keys need a new one. */
export interface ProviderApp {
  keys: ProviderKeys;
  oidc: Oidc;
  handle: Handler;
}

/** The state of the whole process: a rotation of keys creates a new provider app. */
export type ProcessState = Pick<HttpDeps, 'isReady' | 'isOverloaded' | 'uploadMemory'> & Pick<OidcDeps, 'clientKeys'>;

export function createProviderApp(
  config: Config,
  services: Services,
  state: ProcessState,
  keys: ProviderKeys,
): ProviderApp {
  const { store, clock, secrets, log, clients, templates, i18n } = services;
  const pages = createPages({ templates, i18n, clients });
  const oidc = createProvider(config, services, pages, { keys, clientKeys: state.clientKeys });
  const handle = createApp({
    issuer: services.issuer,
    trustedProxies: config.trustedProxies,
    acceptsPrivateAddresses: config.acceptsPrivateAddresses,
    directoryBase: config.directory?.base,
    oidc,
    listContextChoices: createContextChoices({ store, clock, secrets, log, clients, keys }, oidc.provider),
    access: services.access,
    accountChanges: services.accountChanges,
    adulthood: services.adulthood,
    guardianshipEnds: services.guardianshipEnds,
    accountReminder: services.accountReminder,
    humanCheck: services.humanCheck,
    humanCheckDemand: services.humanCheckDemand,
    audit: services.audit,
    applicationPasswords: services.applicationPasswords,
    binding: services.binding,
    clients,
    consents: services.consents,
    contacts: services.contacts,
    emailReverts: services.emailReverts,
    console: services.console,
    clock,
    knownDevices: services.knownDevices,
    i18n,
    isOverloaded: state.isOverloaded,
    log,
    metrics: services.metrics,
    outbox: services.outbox,
    pages,
    passwords: services.passwords,
    people: services.people,
    personalData: services.personalData,
    subjectRequests: services.subjectRequests,
    unsentForms: services.unsentForms,
    random: services.random,
    rateLimiter: services.rateLimiter,
    passwordReset: services.passwordReset,
    schoolContacts: services.schoolContacts,
    schoolDirectory: services.schoolDirectory,
    secondFactors: services.secondFactors,
    secrets: services.secrets,
    settings: services.settings,
    signIn: services.signIn,
    templates,
    isReady: state.isReady,
    uploadMemory: state.uploadMemory,
  });
  return { keys, oidc, handle };
}

function createProvider(
  config: Config,
  services: Services,
  pages: Pages,
  keys: Pick<OidcDeps, 'keys' | 'clientKeys'>,
): Oidc {
  const { clock, i18n, people, secrets } = services;
  return createOidc({
    issuer: services.issuer,
    languages: i18n.languages,
    allowPrivateLogoutAddresses: config.allowPrivateLogoutAddresses,
    sessionIdleSeconds: config.sessionIdleSeconds,
    store: services.store,
    clock,
    secrets,
    clients: services.clients,
    consents: services.consents,
    adulthood: services.adulthood,
    ...keys,
    audit: services.audit,
    revocation: services.revocation,
    outbox: services.outbox,
    log: services.log,
    metrics: services.metrics,
    rateLimiter: services.rateLimiter,
    knownDevices: services.knownDevices,
    secondFactors: services.secondFactors,
    requiresSecondFactor: createRequiresSecondFactor(services),
    pages: {
      error: (ctx, out, error) => {
        // Some HTTP libraries prefer text/html by default, and their apps read JSON (RFC 6749, section 5.2).
        if (isApiPath(ctx.path)) ctx.body = out;
        else showProviderError(pages, ctx, error);
      },
      device: createDevicePages({ pages, i18n, clock, people, secrets }),
    },
    customizeMetadata: config.profile === 'conformance' ? allowAddressScope : undefined,
    customizeConfiguration: config.profile === 'conformance' ? customizeForConformance : undefined,
  });
}
