import { adultOn } from '../../domain/binding/adulthood.ts';
import { DAY_MS } from '../../domain/duration.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { ChildDates } from '../../store/people/person-facts.ts';

/** Days that the rule looks back, in case the job is late: longer than any outage. */
const LOOKBACK_DAYS = 400;

/** Returns the columns of a person for a birth date (`2008-11-23`). */
export function birthDateColumns(
  secrets: Pick<Secrets, 'seal' | 'mac'>,
  personId: string,
  birthDate: string,
  today: string,
): { birthDateSealed: string; adultOnLookup: string | null } {
  const day = adultOn(birthDate);
  return {
    birthDateSealed: secrets.seal('birth-date', personId, birthDate),
    adultOnLookup: day > today ? secrets.mac('adult-on', day) : null,
  };
}

/** Returns the keyed hashes of the days from `from` to `to` days after a day. */
export function adultOnLookups(secrets: Pick<Secrets, 'mac'>, today: string, from: number, to: number): string[] {
  const start = Date.parse(today);
  return Array.from({ length: to - from + 1 }, (_, at) =>
    secrets.mac('adult-on', new Date(start + (from + at) * DAY_MS).toISOString().slice(0, 10)),
  );
}

/** Returns how the facts of guardians read the dates of their children today. */
export function childDates(secrets: Pick<Secrets, 'mac' | 'open'>, today: string): ChildDates {
  return {
    reached: reachedLookups(secrets, today),
    open: (studentId, sealed) => secrets.open('birth-date', studentId, sealed),
  };
}

const reachedDays = new WeakMap<Pick<Secrets, 'mac'>, { today: string; lookups: ReadonlySet<string> }>();

/** Returns the keyed hashes of the 18th birthdays up to today. Computes them once a day. */
export function reachedLookups(secrets: Pick<Secrets, 'mac'>, today: string): ReadonlySet<string> {
  const known = reachedDays.get(secrets);
  if (known?.today === today) return known.lookups;
  const lookups = new Set(adultOnLookups(secrets, today, -LOOKBACK_DAYS, 0));
  reachedDays.set(secrets, { today, lookups });
  return lookups;
}
