import { localDate, type Clock } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { findApplication, listApplicants, type ApplicationRow } from '../../store/binding/applications.ts';
import { ConflictError, type Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import { lockPeople } from '../people/locks.ts';
import { checkApplication, type CheckedApplication } from './application-check.ts';

/** Attempts of an approval whose person or login a concurrent transaction inserts first. */
const MAX_ATTEMPTS = 3;

/** Runs a transaction that may approve an application. The next attempt finds the person whom another transaction has created. */
export async function retryOnConflict<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

/**
 * Locks the people whom an application concerns, and compares it with them.
 *
 * @throws {ConflictError} if a concurrent transaction has created the person of an applicant after the locks
 */
export async function lockAndCheck(
  tx: Transaction,
  { clock, secrets }: { clock: Clock; secrets: Pick<Secrets, 'open'> },
  { id, studentId }: Pick<ApplicationRow, 'id' | 'studentId'>,
): Promise<CheckedApplication | undefined> {
  const locked = await lockConcerned(tx, id, studentId);
  const application = await findApplication(tx, id);
  const checked = application && (await checkApplication(tx, secrets, application, localDate(clock.now())));
  const isUnlocked = checked?.applicants.some(({ existing }) => existing !== undefined && !locked.has(existing.id));
  if (isUnlocked === true) throw new ConflictError('person');
  return checked;
}

/** Locks the student and the people of the applicants, so that two decisions about one person wait for each other. */
async function lockConcerned(tx: Transaction, id: string, studentId: string): Promise<Set<string>> {
  const ids = [studentId];
  for (const { nationalIdLookup } of await listApplicants(tx, id)) {
    ids.push((await people.findPersonIdByNationalId(tx, nationalIdLookup)) ?? studentId);
  }
  await lockPeople(tx, ids);
  return new Set(ids);
}
