import { and, eq } from 'drizzle-orm';

import { preparedStatement, type Transaction } from './database/index.ts';

type SettingKey = 'policy' | 'announcement';

interface SettingRow {
  key: string;
  /** Parse it: an older version may have stored it. */
  value: unknown;
  updatedAt: number;
}

const selectSettings = preparedStatement(({ db, tables: { settings } }) =>
  db.select({ key: settings.key, value: settings.value, updatedAt: settings.updatedAt }).from(settings),
);

/** Lists the settings that were ever changed, one row each. */
export function listSettings(tx: Transaction): Promise<SettingRow[]> {
  return selectSettings(tx, {});
}

interface SettingChange {
  key: SettingKey;
  value: unknown;
  /** `updatedAt` of the row that the form was shown for; 0 for none. */
  version: number;
  now: number;
  updatedBy: string;
}

/** Stores a setting if it is unchanged since `version`. @returns false if it has changed, without any effect */
export async function replaceSetting(tx: Transaction, change: SettingChange): Promise<boolean> {
  const settings = tx.tables.settings;
  const { key, value, version, updatedBy } = change;
  // Strictly later, because the time is the version.
  const updatedAt = Math.max(change.now, version + 1);
  const row = { value, updatedAt, updatedBy };
  const rows =
    version === 0
      ? await tx.db
          .insert(settings)
          .values({ key, ...row })
          .onConflictDoNothing({ target: settings.key })
          .returning({ key: settings.key })
      : await tx.db
          .update(settings)
          .set(row)
          .where(and(eq(settings.key, key), eq(settings.updatedAt, version)))
          .returning({ key: settings.key });
  return rows.length > 0;
}
