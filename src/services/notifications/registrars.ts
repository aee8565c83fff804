import type { StaffTask } from '../../domain/binding/family-notices.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import type { Transaction } from '../../store/database/index.ts';
import { listBureauAdministrators, listStaffWithDuty } from '../../store/people/affiliations.ts';
import type { Outbox } from './outbox.ts';
import { mailVerifiedAddresses } from './verified-addresses.ts';

/** The pages of the console that show the work. */
const PAGES: Readonly<Record<StaffTask, string>> = {
  wrong_data: 'family-requests',
  end_request: 'family-requests',
  subject_request: 'subject-requests',
  subject_request_due: 'subject-requests',
};

interface Deps {
  outbox: Outbox;
  issuer: string;
  clock: Clock;
}

/** Mails the registrars of schools that work waits in the console. The mail names no person. */
export async function mailRegistrars(
  tx: Transaction,
  deps: Deps,
  schoolCodes: readonly string[],
  task: StaffTask,
): Promise<void> {
  await mailStaff(tx, deps, await listRegistrars(tx, deps, schoolCodes), task);
}

/**
 * Mails those who decide a request of a person: the registrars of the school, or the bureau if there are none. A requester gets no such
 * mail, because no one decides their own request.
 */
export async function mailDeciders(
  tx: Transaction,
  deps: Deps,
  { schoolCode, personId }: { schoolCode: string | null; personId: string },
  task: StaffTask,
): Promise<void> {
  const registrars = await listRegistrars(tx, deps, schoolCode === null ? [] : [schoolCode]);
  const deciders = registrars.length > 0 ? registrars : await listBureauAdministrators(tx, localDate(deps.clock.now()));
  const others = deciders.filter((id) => id !== personId);
  await mailStaff(tx, deps, others, task);
}

function listRegistrars(tx: Transaction, { clock }: Deps, schoolCodes: readonly string[]): Promise<string[]> {
  return listStaffWithDuty(tx, schoolCodes, 'registrar', localDate(clock.now()));
}

async function mailStaff(
  tx: Transaction,
  { outbox, issuer }: Deps,
  personIds: readonly string[],
  task: StaffTask,
): Promise<void> {
  const link = `${issuer}/console/${PAGES[task]}`;
  for (const id of personIds) {
    await mailVerifiedAddresses(tx, outbox, id, (name) => ({ template: 'staff-task', locals: { name, task, link } }));
  }
}
