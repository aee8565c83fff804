import type { MigratingSettings } from '../config/command-settings.ts';
import type { Registrations } from '../config/registrations.ts';
import { systemClock, type Clock } from '../domain/clock.ts';
import { systemRandom, type Random } from '../domain/random.ts';
import { createForgive, type Attempts } from '../services/attempts.ts';
import { createAppend, type Audit } from '../services/audit.ts';
import type { Clients } from '../services/clients.ts';
import { createOutbox, type Outbox } from '../services/outbox.ts';
import { createSecrets, type Secrets } from '../services/secrets.ts';
import type { Store } from '../store/database/index.ts';
import { openExistingStore } from '../store/existing.ts';

/** The services of commands that change accounts; without mail, pages and password hashing. */
export interface AccountServices {
  store: Store;
  clock: Clock;
  random: Random;
  secrets: Secrets;
  audit: Pick<Audit, 'append'>;
  outbox: Outbox;
  attempts: Pick<Attempts, 'forgive'>;
}

/** Opens the database, brings it up to date, and closes it after the work. */
export async function withAccountServices(
  { database, masterKey, migrations }: MigratingSettings,
  work: (services: AccountServices) => Promise<void>,
): Promise<void> {
  const store = await openExistingStore(database, migrations);
  try {
    const base = { store, clock: systemClock, random: systemRandom, secrets: createSecrets(masterKey, systemRandom) };
    const audit = { append: createAppend(base) };
    const attempts = { forgive: createForgive({ ...base, audit }) };
    await work({ ...base, audit, outbox: createOutbox(base), attempts });
  } finally {
    await store.close();
  }
}

/** The relying parties that are notified of a sign-out. */
export function clientsOf({ registrations }: { registrations: Registrations }): Pick<Clients, 'find'> {
  return { find: (clientId) => registrations.clients.find(({ client_id: id }) => id === clientId) };
}
