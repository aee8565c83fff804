import { setImmediate as nextTurn } from 'node:timers/promises';
import { addCounts } from '../../domain/binding/answers.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import { HOUR_MS } from '../../domain/duration.ts';
import { currentTerm } from '../../domain/term.ts';
import { countAnswers } from '../../store/binding/answers.ts';
import { listCountedSchools, upsertSchoolAnswers } from '../../store/console/answer-counts.ts';
import type { Store } from '../../store/database/index.ts';
import { listSchoolCodes } from '../../store/people/schools.ts';

/** Counts the answers of families school by school, so that the overview of the city reads one row for each school. */
export interface AnswerCounting {
  /** Counts the schools whose numbers are older than about an hour. */
  countDue(): Promise<void>;
}

/** Less than the hour between two runs of the job. */
const MAX_AGE_MS = HOUR_MS / 2;

export function createAnswerCounting({ store, clock }: { store: Store; clock: Clock }): AnswerCounting {
  return {
    countDue: async () => {
      const [codes, counted] = await store.read(async (tx) => [
        await listSchoolCodes(tx),
        new Set(await listCountedSchools(tx, clock.now() - MAX_AGE_MS)),
      ]);
      for (const schoolCode of codes.filter((code) => !counted.has(code))) {
        const now = clock.now();
        const today = localDate(now);
        const scope = { schoolCode, term: currentTerm(today) };
        const counts = await store.read((tx) => countAnswers(tx, scope, today));
        await store.write((tx) => upsertSchoolAnswers(tx, schoolCode, addCounts([...counts.values()]), now));
        await nextTurn();
      }
    },
  };
}
