import { localDate, type Clock } from '../../domain/clock.ts';
import { hourOf, usageOf, type SignInOutcome, type Usage } from '../../domain/usage.ts';
import { ACCOUNT_CLIENT_ID } from '../access/client-registry.ts';
import type { AuditEvent } from '../audit/audit.ts';
import { chunksOf } from '../../store/database/bulk-insert.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as statistics from '../../store/console/statistics.ts';

/** Different counts in memory, about 5 MB. Above it, a count goes to the city without the schools of its person. */
const MAX_ENTRIES = 20_000;

interface BufferedUsage {
  usage: Usage;
  hour: number;
  personId: string | undefined;
}

/**
 * Counts sign-ins and the use of clients for the dashboards. The counts wait in memory, and a job writes them every few seconds. So a
 * sign-in pays for an entry of a map only, and not for the schools of its person. A crash loses the seconds since the last write, which the
 * audit log still has.
 */
export interface UsageCounts {
  /** Counts a committed audit event. */
  add(event: AuditEvent): void;
  /** Writes the counts to the database. After a failure they wait for the next call. */
  flush(): Promise<void>;
}

export function createUsageCounts({ store, clock }: { store: Store; clock: Clock }): UsageCounts {
  let buffer = new Map<string, BufferedUsage>();
  const addTo = (entry: BufferedUsage): void => {
    const { usage, hour } = entry;
    const what = usage.kind === 'client' ? usage.clientId : usage.outcome;
    const personId = buffer.size < MAX_ENTRIES ? entry.personId : undefined;
    const key = JSON.stringify([hour, usage.kind, what, personId]);
    const known = buffer.get(key);
    buffer.set(key, { usage: { ...usage, count: usage.count + (known?.usage.count ?? 0) }, hour, personId });
  };
  return {
    add: (event) => {
      const usage = usageOf(event);
      if (usage === undefined || (usage.kind === 'client' && usage.clientId === ACCOUNT_CLIENT_ID)) return;
      addTo({ usage, hour: hourOf(clock.now()), personId: event.subjectId });
    },
    flush: async () => {
      if (buffer.size === 0) return;
      const entries = [...buffer.values()];
      buffer = new Map();
      try {
        const schools = await store.read((tx) => findSchools(tx, entries, localDate(clock.now())));
        const { signIns, clients } = sumBySchool(entries, schools);
        await store.write(async (tx) => {
          for (const rows of chunksOf(signIns)) await statistics.addSignInCounts(tx, rows);
          for (const rows of chunksOf(clients)) await statistics.addClientCounts(tx, rows);
        });
      } catch (error) {
        for (const entry of entries) addTo(entry);
        throw error;
      }
    },
  };
}

async function findSchools(
  tx: Transaction,
  entries: readonly BufferedUsage[],
  today: string,
): Promise<Map<string, Set<string>>> {
  const schools = new Map<string, Set<string>>();
  const ids = [...new Set(entries.flatMap(({ personId }) => personId ?? []))];
  for (const some of chunksOf(ids)) {
    for (const { personId, schoolCode } of await statistics.listSchoolsOfPeople(tx, some, today)) {
      schools.set(personId, (schools.get(personId) ?? new Set()).add(schoolCode));
    }
  }
  return schools;
}

/** Sums the counts of the city and of each school, sorted by key. A parent with children at two schools counts at both. */
function sumBySchool(
  entries: readonly BufferedUsage[],
  schools: ReadonlyMap<string, ReadonlySet<string>>,
): { signIns: statistics.SignInCount[]; clients: statistics.ClientCount[] } {
  const signIns = new Map<string, statistics.SignInCount>();
  const clients = new Map<string, statistics.ClientCount>();
  for (const { usage, hour, personId } of entries) {
    for (const schoolCode of [statistics.CITY, ...(schools.get(personId ?? '') ?? [])]) {
      if (usage.kind === 'sign_in')
        addSignIn(signIns, { schoolCode, hour, outcome: usage.outcome, count: usage.count });
      else addClient(clients, { schoolCode, day: localDate(hour), clientId: usage.clientId, count: usage.count });
    }
  }
  return { signIns: sortedValues(signIns), clients: sortedValues(clients) };
}

function addSignIn(
  sums: Map<string, statistics.SignInCount>,
  row: statistics.SignInCount & { outcome: SignInOutcome },
): void {
  const key = `${row.schoolCode}\n${String(row.hour)}\n${row.outcome}`;
  sums.set(key, { ...row, count: row.count + (sums.get(key)?.count ?? 0) });
}

function addClient(sums: Map<string, statistics.ClientCount>, row: statistics.ClientCount): void {
  const key = `${row.schoolCode}\n${row.day}\n${row.clientId}`;
  sums.set(key, { ...row, count: row.count + (sums.get(key)?.count ?? 0) });
}

function sortedValues<T>(byKey: ReadonlyMap<string, T>): T[] {
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}
