import type { ColumnBuilders } from './column-builders.ts';

/** Defines the numbers of the dashboards. The school `''` is the whole city. No table has a row per person. */
export function defineStatistics(kit: ColumnBuilders) {
  const signInCounts = kit.table(
    'sign_in_counts',
    {
      schoolCode: kit.text('school_code').notNull(),
      /** Start of the hour. */
      hour: kit.instant('hour').notNull(),
      outcome: kit.text('outcome').notNull(),
      count: kit.int('count').notNull(),
    },
    (t) => [
      kit.primaryKey('sign_in_counts_pk', t.schoolCode, t.hour, t.outcome),
      kit.index('sign_in_counts_hour_idx').on(t.hour),
    ],
  );
  const clientCounts = kit.table(
    'client_counts',
    {
      schoolCode: kit.text('school_code').notNull(),
      day: kit.text('day').notNull(),
      clientId: kit.text('client_id').notNull(),
      count: kit.int('count').notNull(),
    },
    (t) => [
      kit.primaryKey('client_counts_pk', t.schoolCode, t.day, t.clientId),
      kit.index('client_counts_day_idx').on(t.day),
    ],
  );
  const accountCounts = kit.table(
    'account_counts',
    {
      schoolCode: kit.text('school_code').notNull(),
      day: kit.text('day').notNull(),
      /** Active accounts. */
      people: kit.int('people').notNull(),
      /** Those of them with a password of their own. */
      withPassword: kit.int('with_password').notNull(),
    },
    (t) => [kit.primaryKey('account_counts_pk', t.schoolCode, t.day), kit.index('account_counts_day_idx').on(t.day)],
  );
  const answerCounts = kit.table('answer_counts', {
    schoolCode: kit.text('school_code').primaryKey(),
    /** Students of the current term by the answer of their family (domain/binding/answers.ts). */
    bound: kit.int('bound').notNull(),
    waiting: kit.int('waiting').notNull(),
    returned: kit.int('returned').notNull(),
    refused: kit.int('refused').notNull(),
    none: kit.int('none').notNull(),
    /** 0 until the first count has ended. */
    countedAt: kit.instant('counted_at').notNull(),
    /** A node counts the school until then. */
    leasedUntil: kit.instant('leased_until'),
  });
  return { signInCounts, clientCounts, accountCounts, answerCounts };
}
