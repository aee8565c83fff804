import type { Clock } from '../domain/clock.ts';
import type { Random } from '../domain/random.ts';
import type { ListContextChoices } from '../oidc/contexts/context-choices.ts';
import type { Oidc } from '../oidc/provider.ts';
import type { Secrets } from '../platform/crypto/secrets.ts';
import type { Logger } from '../platform/logger.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { I18n } from '../presentation/i18n.ts';
import type { Templates } from '../presentation/templates.ts';
import type { AccountAccess } from '../services/access/account-access.ts';
import type { ClientRegistry } from '../services/access/client-registry.ts';
import type { Consents } from '../services/access/consents.ts';
import type { RequestRateLimiter } from '../services/access/request-rate-limiter.ts';
import type { Audit } from '../services/audit/audit.ts';
import type { AccountReminder } from '../services/authentication/account-reminder.ts';
import type { HumanCheckDemand } from '../services/authentication/human-check-demand.ts';
import type { HumanCheck } from '../services/authentication/human-check.ts';
import type { KnownDevices } from '../services/authentication/known-devices.ts';
import type { PasswordReset } from '../services/authentication/password-reset.ts';
import type { Passwords } from '../services/authentication/passwords.ts';
import type { SecondFactors } from '../services/authentication/second-factors.ts';
import type { SignIn } from '../services/authentication/sign-in.ts';
import type { SchoolDirectory } from '../services/binding/school-directory.ts';
import type { ConsoleServices } from '../services/console/index.ts';
import type { Outbox } from '../services/notifications/outbox.ts';
import type { Contacts } from '../services/people/contacts.ts';
import type { People } from '../services/people/people.ts';
import type { Settings } from '../services/settings/settings.ts';
import type { Pages } from './pages/pages.ts';

/** The dependencies of the HTTP layer. */
export interface HttpDeps {
  issuer: string;
  trustedProxies: readonly string[];
  oidc: Oidc;
  listContextChoices: ListContextChoices;
  access: AccountAccess;
  accountReminder: AccountReminder;
  humanCheck: HumanCheck;
  humanCheckDemand: HumanCheckDemand;
  audit: Audit;
  clients: ClientRegistry;
  consents: Consents;
  contacts: Contacts;
  console: ConsoleServices;
  clock: Clock;
  knownDevices: KnownDevices;
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
  rateLimiter: RequestRateLimiter;
  passwordReset: PasswordReset;
  secondFactors: SecondFactors;
  schoolDirectory: SchoolDirectory;
  secrets: Secrets;
  settings: Pick<Settings, 'loadPolicy' | 'findAnnouncement'>;
  signIn: SignIn;
  templates: Templates;
  /** Returns true if this node accepts requests: the database is available and the node is not shutting down. */
  isReady: () => Promise<boolean>;
}
