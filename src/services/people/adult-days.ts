import { adultOn } from '../../domain/binding/adulthood.ts';
import { DAY_MS } from '../../domain/duration.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Logger } from '../../platform/logger.ts';
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

interface DateDeps {
  secrets: Pick<Secrets, 'mac' | 'open'>;
  log: Pick<Logger, 'error'>;
}

/** Returns how the facts of guardians read the dates of their children today. */
export function childDates(deps: DateDeps, today: string): ChildDates {
  return {
    reached: reachedLookups(deps.secrets, today),
    open: (studentId, sealed) => openBirthDate(deps, studentId, sealed),
  };
}

/**
 * Opens the birth date of a person. A changed value counts as unknown, because the sign-ins of the person and of the guardians read it. The
 * state of guardianships depends on the keyed hash of the 18th birthday, not on this value.
 */
export function openBirthDate(
  { secrets, log }: Pick<DateDeps, 'log'> & { secrets: Pick<Secrets, 'open'> },
  personId: string,
  sealed: string,
): string | undefined {
  try {
    return secrets.open('birth-date', personId, sealed);
  } catch (error) {
    log.error({ err: error, personId }, 'failed to open a birth date');
    return undefined;
  }
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
