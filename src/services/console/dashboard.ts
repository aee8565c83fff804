import { homeroomClassIdsOf, wholeSchoolCodesOf } from '../../domain/access/capacities.ts';
import { administersCity } from '../../domain/access/policy.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import { DAY_MS, HOUR_MS } from '../../domain/duration.ts';
import type { School } from '../../domain/model.ts';
import { FAILURE_CAUSES, type FailureCause } from '../../domain/usage.ts';
import * as statistics from '../../store/console/statistics.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { countJobs } from '../../store/outbox.ts';
import { listSchoolsByCode } from '../../store/people/schools.ts';
import { personKey } from '../authentication/login-keys.ts';
import { codeCounterKey } from '../authentication/second-factor-verification.ts';
import type { StaffActor } from './authorization.ts';

/** Days that the charts show, today included. */
export const SHOWN_DAYS = 14;
const SHOWN_CLIENTS = 10;
/** Locked accounts that are counted; above it the dashboard says "or more". */
export const MAX_LOCKED = 1_000;
const LOCK_KEYS = { passwords: personKey(''), codes: codeCounterKey('totp', '') };

export interface SignInTotals {
  succeeded: number;
  failed: number;
}

interface AccountTotals {
  people: number;
  withPassword: number;
}

export interface UsageNumbers {
  /** The hours of today up to now, in the time of the city. */
  hours: readonly (SignInTotals & { hour: number })[];
  days: readonly (SignInTotals & { day: string })[];
  causes: readonly { cause: FailureCause; count: number }[];
  clients: readonly { clientId: string; count: number }[];
  /** One for each day with numbers. */
  accountDays: readonly (AccountTotals & { day: string })[];
}

/** The numbers of one scope of a member of staff. */
export interface Dashboard {
  scope: { kind: 'city' } | { kind: 'school'; school: School } | { kind: 'classes' };
  /** Absent for classes: their numbers are not counted by hour. */
  usage: UsageNumbers | undefined;
  accounts: AccountTotals | undefined;
  locked: number;
  /** For the bureau. */
  mailQueue: { pending: number; dead: number } | undefined;
}

/** Loads the numbers of the console's home page. No query reads more than the counts of two weeks, or the people of one class. */
export interface Dashboards {
  load(actor: StaffActor): Promise<Dashboard[]>;
}

export function createDashboards({ store, clock }: { store: Store; clock: Clock }): Dashboards {
  return {
    load: (actor) =>
      store.read(async (tx) => {
        const now = clock.now();
        const locked = await statistics.listLockedPersonIds(tx, LOCK_KEYS, MAX_LOCKED);
        if (administersCity(actor)) return [await loadCity(tx, now, locked)];
        const dashboards: Dashboard[] = [];
        for (const school of await listSchoolsByCode(tx, wholeSchoolCodesOf(actor.capacities))) {
          dashboards.push(await loadSchool(tx, now, locked, school));
        }
        const classIds = homeroomClassIdsOf(actor.capacities);
        if (classIds.length > 0) dashboards.push(await loadClasses(tx, now, locked, classIds));
        return dashboards;
      }),
  };
}

async function loadCity(tx: Transaction, now: number, locked: readonly string[]): Promise<Dashboard> {
  const usage = await loadUsage(tx, statistics.CITY, now);
  const mails = (await countJobs(tx)).find(({ kind }) => kind === 'mail');
  return {
    scope: { kind: 'city' },
    usage,
    accounts: usage.accountDays.at(-1),
    locked: locked.length,
    mailQueue: { pending: mails?.pending ?? 0, dead: mails?.dead ?? 0 },
  };
}

async function loadSchool(tx: Transaction, now: number, locked: readonly string[], school: School): Promise<Dashboard> {
  const usage = await loadUsage(tx, school.code, now);
  const people = { kind: 'schools' as const, schoolCodes: [school.code], withStaff: true, classIds: [] };
  return {
    scope: { kind: 'school', school },
    usage,
    accounts: usage.accountDays.at(-1),
    locked: await statistics.countInScope(tx, locked, people, localDate(now)),
    mailQueue: undefined,
  };
}

async function loadClasses(
  tx: Transaction,
  now: number,
  locked: readonly string[],
  classIds: readonly string[],
): Promise<Dashboard> {
  const people = { kind: 'schools' as const, schoolCodes: [], withStaff: false, classIds };
  return {
    scope: { kind: 'classes' },
    usage: undefined,
    accounts: await statistics.countAccounts(tx, people, localDate(now)),
    locked: await statistics.countInScope(tx, locked, people, localDate(now)),
    mailQueue: undefined,
  };
}

async function loadUsage(tx: Transaction, schoolCode: string, now: number): Promise<UsageNumbers> {
  const days = Array.from({ length: SHOWN_DAYS }, (_, at) => localDate(now - (SHOWN_DAYS - 1 - at) * DAY_MS));
  const [firstDay = ''] = days;
  const midnight = Date.parse(`${firstDay}T00:00:00+08:00`);
  const counts = await statistics.listSignInCounts(tx, schoolCode, midnight);
  const startOfToday = midnight + (SHOWN_DAYS - 1) * DAY_MS;
  const hours = Array.from({ length: Math.floor((now - startOfToday) / HOUR_MS) + 1 }, (_, hour) => hour);
  return {
    hours: hours.map((hour) => ({
      hour,
      ...totalsOf(counts.filter((row) => row.hour === startOfToday + hour * HOUR_MS)),
    })),
    days: days.map((day) => ({ day, ...totalsOf(counts.filter((row) => localDate(row.hour) === day)) })),
    causes: FAILURE_CAUSES.map((cause) => ({ cause, count: sum(counts.filter(({ outcome }) => outcome === cause)) })),
    clients: await statistics.listClientTotals(tx, schoolCode, firstDay, SHOWN_CLIENTS),
    accountDays: await statistics.listAccountCounts(tx, schoolCode, firstDay),
  };
}

function totalsOf(counts: readonly statistics.SignInCount[]): SignInTotals {
  const succeeded = sum(counts.filter(({ outcome }) => outcome === 'succeeded'));
  return { succeeded, failed: sum(counts) - succeeded };
}

function sum(rows: readonly { count: number }[]): number {
  return rows.reduce((total, { count }) => total + count, 0);
}
