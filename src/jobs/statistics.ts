import { HOUR_MS } from '../domain/duration.ts';
import { ANSWER_COUNT_INTERVAL_MS, type AnswerCounting } from '../services/statistics/answer-counts.ts';
import type { AccountCounts } from '../services/statistics/account-counts.ts';
import type { UsageCounts } from '../services/statistics/usage-counts.ts';
import { startPeriodicJob, type JobDeps, type PeriodicJob } from './periodic-job.ts';

/** Time between two writes of the counts in memory, in ms. */
const FLUSH_INTERVAL_MS = 5_000;

interface Deps extends JobDeps {
  usageCounts: UsageCounts;
  accountCounts: AccountCounts;
  answerCounting: AnswerCounting;
}

/** Starts the jobs that write the numbers of the dashboards. The last write happens when the process stops. */
export function startStatisticsJob({ usageCounts, accountCounts, answerCounting, log, metrics }: Deps): PeriodicJob {
  const usage = startPeriodicJob('usage counts', FLUSH_INTERVAL_MS, { log, metrics }, () => usageCounts.flush());
  const accounts = startPeriodicJob('account counts', HOUR_MS, { log, metrics }, () => accountCounts.countToday());
  const answers = startPeriodicJob('answer counts', ANSWER_COUNT_INTERVAL_MS, { log, metrics }, () =>
    answerCounting.countDue(),
  );
  return {
    wake: () => {
      usage.wake();
      accounts.wake();
      answers.wake();
    },
    stop: async () => {
      await Promise.all([usage.stop(), accounts.stop(), answers.stop()]);
      await usageCounts.flush().catch((error: unknown) => {
        log.error({ err: error }, 'failed to write usage counts');
      });
    },
  };
}
