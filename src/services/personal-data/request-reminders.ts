import { DEADLINE_REMINDER_MS } from '../../domain/binding/subject-requests.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Store } from '../../store/database/index.ts';
import { listDueRequests, markReminded } from '../../store/personal-data/requests.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { mailDeciders } from '../notifications/registrars.ts';

interface Deps {
  store: Store;
  clock: Clock;
  outbox: Outbox;
  issuer: string;
}

/** Mails those who decide about up to `limit` requests whose period ends soon, once for each period. @returns their number */
export async function remindDue(deps: Deps, limit: number): Promise<number> {
  const { store, clock } = deps;
  const due = await store.read((tx) => listDueRequests(tx, clock.now() + DEADLINE_REMINDER_MS, limit));
  for (const row of due) {
    await store.write(async (tx) => {
      if (await markReminded(tx, row, clock.now())) await mailDeciders(tx, deps, row, 'subject_request_due');
    });
  }
  return due.length;
}
