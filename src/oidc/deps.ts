import type Provider from 'oidc-provider';
import type { ClientMetadata, Configuration, KoaContextWithOIDC, errors } from 'oidc-provider';
import type { Metrics } from '../platform/metrics.ts';
import type { ClientRegistry } from '../services/access/client-registry.ts';
import type { Consents } from '../services/access/consents.ts';
import type { RequestRateLimiter } from '../services/access/request-rate-limiter.ts';
import type { Revocation } from '../services/access/revocation.ts';
import type { KnownDevices } from '../services/authentication/known-devices.ts';
import type { RequiresSecondFactor } from '../services/settings/required-second-factor.ts';
import type { SecondFactors } from '../services/authentication/second-factors.ts';
import type { Adulthood } from '../services/people/adulthood.ts';
import type { ProviderKeys } from '../services/keys/key-ring.ts';
import type { Outbox } from '../services/notifications/outbox.ts';
import type { AdapterDeps } from './adapter/adapter.ts';
import type { ClientKeyCache } from './client-keys.ts';

/** `throttled`: there were too many wrong codes, so this one was not looked up. `until` in ms. */
export type UserCodeProblem = { kind: 'wrong' } | { kind: 'throttled'; until: number };

/** The pages of the device flow (RFC 8628, section 3.3). `xsrf` is in each form. */
export interface DevicePages {
  /** @param problem the result of the submitted code, if one was submitted */
  code(ctx: KoaContextWithOIDC, xsrf: string, problem: UserCodeProblem | undefined): void;
  /** Names the signed-in person, who approves the device. */
  confirm(ctx: KoaContextWithOIDC, xsrf: string, clientId: string, userCode: string): Promise<void>;
  /** Names the person whose account the device received. */
  done(ctx: KoaContextWithOIDC, clientId: string): Promise<void>;
  /** The person denied the request or canceled the sign-in. */
  denied(ctx: KoaContextWithOIDC): void;
  /** The interaction expired, or another browser started it. */
  expired(ctx: KoaContextWithOIDC): void;
}

/** Pages that the provider requests; the HTTP layer renders them. */
interface ProviderPages {
  error(ctx: KoaContextWithOIDC, out: { error: string }, error: errors.OIDCProviderError | Error): void;
  device: DevicePages;
}

export interface OidcDeps extends AdapterDeps {
  issuer: string;
  /** The languages of the pages (BCP 47). */
  languages: readonly string[];
  allowPrivateLogoutAddresses: boolean;
  /** Seconds; `undefined`: no idle limit. */
  sessionIdleSeconds: number | undefined;
  clients: ClientRegistry;
  clientKeys: ClientKeyCache;
  consents: Pick<Consents, 'hasConsent'>;
  adulthood: Pick<Adulthood, 'listGuardians'>;
  keys: ProviderKeys;
  revocation: Revocation;
  outbox: Outbox;
  metrics: Metrics;
  rateLimiter: RequestRateLimiter;
  knownDevices: Pick<KnownDevices, 'findDeviceId'>;
  secondFactors: Pick<SecondFactors, 'has'>;
  requiresSecondFactor: RequiresSecondFactor;
  pages: ProviderPages;
  /** Changes the provider's configuration in the conformance profile; `undefined` in the others. */
  customizeConfiguration: ((configuration: Configuration) => Configuration) | undefined;
  /** Changes the metadata of each client in the conformance profile; `undefined` in the others. */
  customizeMetadata: ((metadata: ClientMetadata) => ClientMetadata) | undefined;
}

export type { Provider };
