import type { Clock } from '../../domain/clock.ts';
import { DAY_MS } from '../../domain/duration.ts';
import type { Store } from '../../store/database/index.ts';
import { purgeSubjectRequests } from '../../store/personal-data/requests.ts';
import { purgeApplications, purgeEvidence } from '../../store/personal-data/retention.ts';
import type { Settings } from '../settings/settings.ts';

/** The history of requests stays for a year, as that of requests among staff. The audit log keeps who decided what. */
const SUBJECT_REQUEST_DAYS = 365;

/** Deletes data of families whose time is over. */
export interface Retention {
  /** Deletes up to `limit` rows of each kind. @returns the highest number of a kind */
  purge(limit: number): Promise<number>;
}

interface Deps {
  store: Store;
  clock: Clock;
  settings: Pick<Settings, 'loadPolicy'>;
}

export function createRetention({ store, clock, settings }: Deps): Retention {
  return {
    purge: async (limit) => {
      const { applicationDays, evidenceDays } = await settings.loadPolicy();
      const before = (days: number): number => clock.now() - days * DAY_MS;
      const evidence = await store.write((tx) => purgeEvidence(tx, before(evidenceDays), limit));
      const applications = await store.write((tx) => purgeApplications(tx, before(applicationDays), limit));
      const requests = await store.write((tx) => purgeSubjectRequests(tx, before(SUBJECT_REQUEST_DAYS), limit));
      return Math.max(evidence, applications, requests);
    },
  };
}
