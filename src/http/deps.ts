import type { Clock } from '../domain/clock.ts';
import type { Random } from '../domain/random.ts';
import type { Oidc } from '../oidc/provider.ts';
import type { OffersAt } from '../oidc/offers.ts';
import type { Access } from '../services/access.ts';
import type { Audit } from '../services/audit.ts';
import type { Clients } from '../services/clients.ts';
import type { Consents } from '../services/consents.ts';
import type { I18n } from '../services/i18n.ts';
import type { KnownDevices } from '../services/known-devices.ts';
import type { Logger } from '../services/logger.ts';
import type { Metrics } from '../services/metrics.ts';
import type { Outbox } from '../services/outbox.ts';
import type { Passwords } from '../services/passwords.ts';
import type { People } from '../services/people.ts';
import type { Recovery } from '../services/recovery.ts';
import type { RequestRates } from '../services/request-rates.ts';
import type { Secrets } from '../services/secrets.ts';
import type { SignIn } from '../services/sign-in.ts';
import type { Templates } from '../services/templates.ts';
import type { Pages } from './pages.ts';

/** What the web face stands on. */
export interface HttpDeps {
  issuer: string;
  trustedProxies: readonly string[];
  minPasswordLength: number;
  oidc: Oidc;
  offersAt: OffersAt;
  access: Access;
  audit: Audit;
  clients: Clients;
  consents: Consents;
  clock: Clock;
  devices: KnownDevices;
  i18n: I18n;
  /** Returns true if new sign-ins should be rejected. */
  isOverloaded: () => boolean;
  log: Logger;
  metrics: Metrics;
  outbox: Outbox;
  pages: Pages;
  passwords: Passwords;
  people: People;
  random: Random;
  rates: RequestRates;
  recovery: Recovery;
  secrets: Secrets;
  signIn: SignIn;
  templates: Templates;
  /** Whether requests should come here: the database answers, and the node is not on its way out. */
  ready: () => Promise<boolean>;
}
