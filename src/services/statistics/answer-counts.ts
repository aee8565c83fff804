import { setImmediate as nextTurn } from 'node:timers/promises';
import { addCounts } from '../../domain/binding/answers.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import { HOUR_MS, MINUTE_MS } from '../../domain/duration.ts';
import { currentTerm } from '../../domain/term.ts';
import { countAnswers } from '../../store/binding/answers.ts';
import { leaseSchoolCount, listCountedSchools, updateSchoolAnswers } from '../../store/console/answer-counts.ts';
import type { Store } from '../../store/database/index.ts';
import { listSchoolCodes } from '../../store/people/schools.ts';

/** Counts the answers of families school by school, so that the overview of the city reads one row for each school. */
export interface AnswerCounting {
  /** Counts the schools whose numbers are older than about an hour, and new schools. Each school is counted by one node. */
  countDue(): Promise<void>;
}

/** Time between two runs of the job. A new school has its first numbers after this time. */
export const ANSWER_COUNT_INTERVAL_MS = 10 * MINUTE_MS;

/** With the time between two runs about an hour. */
const MAX_AGE_MS = HOUR_MS - ANSWER_COUNT_INTERVAL_MS;

/** Many times what the count of the largest school takes. */
const LEASE_MS = 5 * MINUTE_MS;

export function createAnswerCounting({ store, clock }: { store: Store; clock: Clock }): AnswerCounting {
  return {
    countDue: async () => {
      const [codes, counted] = await store.read(async (tx) => [
        await listSchoolCodes(tx),
        new Set(await listCountedSchools(tx, clock.now() - MAX_AGE_MS)),
      ]);
      for (const schoolCode of codes.filter((code) => !counted.has(code))) {
        const now = clock.now();
        const lease = { now, before: now - MAX_AGE_MS, leasedUntil: now + LEASE_MS };
        if (!(await store.write((tx) => leaseSchoolCount(tx, schoolCode, lease)))) continue;
        const today = localDate(now);
        const scope = { schoolCode, term: currentTerm(today) };
        const counts = await store.read((tx) => countAnswers(tx, scope, today));
        await store.write((tx) => updateSchoolAnswers(tx, schoolCode, addCounts([...counts.values()]), now));
        await nextTurn();
      }
    },
  };
}
