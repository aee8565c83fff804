import { createSendResetLink } from '../services/authentication/password-reset.ts';
import { createAuthorization } from '../services/console/authorization.ts';
import type { ConsoleServices } from '../services/console/index.ts';
import { createConsoleClients } from '../services/console/clients.ts';
import { createPersonActions } from '../services/console/person-actions.ts';
import { createPersonEffects } from '../services/console/person-effects.ts';
import { createPersonPages } from '../services/console/person-page.ts';
import { createConsoleSearch } from '../services/console/search.ts';
import type { Services } from './services.ts';

type Deps = Pick<
  Services,
  | 'store'
  | 'clients'
  | 'storedClients'
  | 'clock'
  | 'random'
  | 'secrets'
  | 'audit'
  | 'outbox'
  | 'revocation'
  | 'passwordVerifier'
  | 'issuer'
>;

export function createConsoleServices(deps: Deps): ConsoleServices {
  const { store, clock, random, secrets, audit, outbox, revocation, passwordVerifier, issuer } = deps;
  const authorization = createAuthorization({ store, clock });
  const sendResetLink = createSendResetLink({ clock, random, outbox, issuer });
  const effects = createPersonEffects({ clock, random, secrets, revocation, sendResetLink });
  return {
    clients: createConsoleClients({ ...deps, authorization }),
    authorization,
    search: createConsoleSearch({ store, clock, secrets, authorization }),
    personPages: createPersonPages({ store, clock, audit, authorization }),
    personActions: createPersonActions({
      store,
      clock,
      audit,
      outbox,
      authorization,
      passwordVerifier,
      effects,
      issuer,
    }),
  };
}
