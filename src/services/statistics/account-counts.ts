import { setImmediate as nextTurn } from 'node:timers/promises';
import { localDate, type Clock } from '../../domain/clock.ts';
import { DAY_MS } from '../../domain/duration.ts';
import { hourOf } from '../../domain/usage.ts';
import * as statistics from '../../store/console/statistics.ts';
import type { Store } from '../../store/database/index.ts';
import { listSchoolCodes } from '../../store/people/schools.ts';

/** People that one query reads, a few milliseconds. */
const PEOPLE_PER_QUERY = 2_000;

/** The dashboards show two weeks. */
const RETENTION_MS = 21 * DAY_MS;

/** Counts accounts with an own password once a day, in steps, so that no dashboard counts them. */
export interface AccountCounts {
  /** Counts the schools and the city, and deletes old numbers, unless today's numbers exist. */
  countToday(): Promise<void>;
}

export function createAccountCounts({ store, clock }: { store: Store; clock: Clock }): AccountCounts {
  const countCity = async (): Promise<{ people: number; withPassword: number }> => {
    const total = { people: 0, withPassword: 0 };
    let after: string | undefined = '';
    while (after !== undefined) {
      const from: string = after;
      const step = await store.read((tx) => statistics.countAccountsAfter(tx, from, PEOPLE_PER_QUERY));
      total.people += step.people;
      total.withPassword += step.withPassword;
      after = step.lastId;
      await nextTurn();
    }
    return total;
  };
  return {
    countToday: async () => {
      const day = localDate(clock.now());
      const known = await store.read((tx) => statistics.listAccountCounts(tx, statistics.CITY, day));
      if (known.length > 0) return;
      for (const schoolCode of await store.read((tx) => listSchoolCodes(tx))) {
        const scope = { kind: 'schools' as const, schoolCodes: [schoolCode], withStaff: true, classIds: [] };
        const counts = await store.read((tx) => statistics.countAccounts(tx, scope, day));
        await store.write((tx) => statistics.upsertAccountCount(tx, { schoolCode, day, ...counts }));
        await nextTurn();
      }
      const city = await countCity();
      // Last: its row says that the numbers of the day are complete.
      await store.write(async (tx) => {
        await statistics.upsertAccountCount(tx, { schoolCode: statistics.CITY, day, ...city });
        const oldest = clock.now() - RETENTION_MS;
        await statistics.purgeStatistics(tx, { hour: hourOf(oldest), day: localDate(oldest) });
      });
    },
  };
}
