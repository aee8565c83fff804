import { z } from 'zod';
import {
  DEFAULT_POLICY_SETTINGS,
  POLICY_LIMITS,
  type Announcement,
  type BureauPolicy,
} from '../../domain/access/settings.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { listSettings } from '../../store/settings.ts';

/** Longest text of an announcement, in characters. */
export const MAX_ANNOUNCEMENT_LENGTH = 500;

const limited = ({ min, max }: { min: number; max: number }): z.ZodNumber => z.int().min(min).max(max);

/** A stored policy. A value that an older version did not store is the initial one. */
const storedPolicy = (initial: BureauPolicy): z.ZodType<BureauPolicy> =>
  z.object({
    passwordMinLength: limited(POLICY_LIMITS.passwordMinLength).default(initial.passwordMinLength),
    firstPasswordDays: limited(POLICY_LIMITS.firstPasswordDays).default(initial.firstPasswordDays),
    applicationDays: limited(POLICY_LIMITS.applicationDays).default(initial.applicationDays),
    evidenceDays: limited(POLICY_LIMITS.evidenceDays).default(initial.evidenceDays),
    reminderDays: limited(POLICY_LIMITS.reminderDays).default(initial.reminderDays),
    isFirstPasswordRestorable: z.boolean().default(initial.isFirstPasswordRestorable),
    isGuardianContactConfirmed: z.boolean().default(initial.isGuardianContactConfirmed),
    isSecondFactorRequiredForStaff: z.boolean().default(initial.isSecondFactorRequiredForStaff),
  });
const text = z.string().min(1).max(MAX_ANNOUNCEMENT_LENGTH);
const announcementSchema: z.ZodType<Announcement | null> = z
  .object({ chinese: text, english: text, from: z.int(), until: z.int() })
  .nullable();
/** In an object, because the column cannot be null. */
const storedAnnouncement = z.object({ current: announcementSchema });

/** A setting, with the version that a form carries. */
export interface Versioned<T> {
  value: T;
  /** 0 if it was never changed. */
  version: number;
}

/** The settings of the bureau. Every read goes to the database, so a change takes effect on all nodes at the next request. */
export interface Settings {
  /** Reads the policy in the transaction that decides by it. */
  readPolicy(tx: Transaction): Promise<Versioned<BureauPolicy>>;
  readAnnouncement(tx: Transaction): Promise<Versioned<Announcement | null>>;
  loadPolicy(): Promise<BureauPolicy>;
  /** Finds the announcement that is shown now. */
  findAnnouncement(): Promise<Announcement | undefined>;
}

interface Deps {
  store: Store;
  clock: Clock;
  /** Until the bureau changes the policy (KINPASS_PASSWORD_MIN_LENGTH). */
  passwordMinLength: number;
}

export function createSettings({ store, clock, passwordMinLength }: Deps): Settings {
  const initial = { ...DEFAULT_POLICY_SETTINGS, passwordMinLength };
  const policySchema = storedPolicy(initial);
  const readPolicy: Settings['readPolicy'] = async (tx) => {
    const row = (await listSettings(tx)).find(({ key }) => key === 'policy');
    return row === undefined
      ? { value: initial, version: 0 }
      : { value: policySchema.parse(row.value), version: row.updatedAt };
  };
  const readAnnouncement: Settings['readAnnouncement'] = async (tx) => {
    const row = (await listSettings(tx)).find(({ key }) => key === 'announcement');
    return row === undefined
      ? { value: null, version: 0 }
      : { value: storedAnnouncement.parse(row.value).current, version: row.updatedAt };
  };
  return {
    readPolicy,
    readAnnouncement,
    loadPolicy: async () => (await store.read(readPolicy)).value,
    findAnnouncement: async () => {
      const { value } = await store.read(readAnnouncement);
      const now = clock.now();
      return value !== null && value.from <= now && now < value.until ? value : undefined;
    },
  };
}
