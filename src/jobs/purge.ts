import type { Clock } from '../domain/clock.ts';
import { createAppend, type Audit } from '../services/audit.ts';
import type { Logger } from '../services/logger.ts';
import { purgeCounters } from '../services/refusals.ts';
import type { Secrets } from '../services/secrets.ts';
import * as credentials from '../store/credentials.ts';
import type { Store, Unit } from '../store/database/index.ts';
import * as grants from '../store/grants.ts';
import * as records from '../store/oidc-records.ts';
import * as outboxStore from '../store/outbox.ts';
import * as sessions from '../store/sessions.ts';
import { startLoop, type Loop } from './loop.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const BATCH = 1_000;

/** Each removes a batch of rows that say nothing any more, and says how many. */
const purges: readonly ((u: Unit, now: number, append: Audit['append']) => Promise<number>)[] = [
  // A day later than they end: an expired session is needed to tell relying parties of it (end-dates.ts).
  (u, now) => records.purgeExpired(u, now - DAY, BATCH),
  (u, now) => sessions.purgeSessions(u, now, BATCH),
  (u, now) => grants.purgeGrants(u, now, BATCH),
  (u, now) => credentials.purgeResetLinks(u, now),
  // Failures in a row are remembered for a month after the last one.
  (u, now, append) => purgeCounters(u, append, now - 30 * DAY, BATCH),
  // What was delivered stays a week for the operator to look at.
  (u, now) => outboxStore.purgeOutbox(u, now - 7 * DAY, BATCH),
];

interface Deps {
  store: Store;
  clock: Clock;
  log: Logger;
  secrets: Secrets;
}

/** Keeps the tables as small as what is alive. */
export function startPurgeJob({ store, clock, log, secrets }: Deps): Loop {
  const append = createAppend({ clock, secrets });
  return startLoop('purge', 10 * MINUTE, log, async () => {
    for (const purge of purges) {
      let removed: number;
      do removed = await store.write((u) => purge(u, clock.now(), append));
      while (removed >= BATCH);
    }
  });
}
