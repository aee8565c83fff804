import { z } from 'zod';
import { APPLICATION_STATES, type ApplicationState } from '../../domain/binding/application.ts';
import type { ApplicationRow } from '../../store/binding/applications.ts';
import { listReviewEntries } from '../../store/console/audit-log.ts';
import type { Transaction } from '../../store/database/index.ts';
import { listNames } from '../../store/people/people.ts';

/** Earlier decisions that a reviewer sees. An application has fewer: each return needs a new submission. */
const MAX_DECISIONS = 20;

export interface EarlierDecision {
  /** ms since 1970. */
  at: number;
  decidedBy: string | undefined;
  state: ApplicationState;
  reason: string;
}

const reviewDetail = z.object({ after: z.enum(APPLICATION_STATES), reason: z.string() });

/** Lists the decisions of staff before the current one, the oldest first. A new submission empties the columns of the application. */
export async function listEarlierDecisions(
  tx: Transaction,
  { id, studentId, state, decidedBy }: Pick<ApplicationRow, 'id' | 'studentId' | 'state' | 'decidedBy'>,
): Promise<EarlierDecision[]> {
  const entries = await listReviewEntries(tx, { applicationId: id, studentId }, MAX_DECISIONS);
  // A withdrawal is of the family, and keeps the columns of the last decision.
  const earlier = decidedBy === null || state === 'withdrawn' ? entries : entries.slice(0, -1);
  const names = await listNames(
    tx,
    earlier.flatMap(({ actorId }) => actorId ?? []),
  );
  return earlier.map(({ at, actorId, detail }) => {
    const { after, reason } = reviewDetail.parse(detail);
    return { at, decidedBy: names.get(actorId ?? ''), state: after, reason };
  });
}
