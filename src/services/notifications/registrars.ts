import type { StaffTask } from '../../domain/binding/family-notices.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import type { Transaction } from '../../store/database/index.ts';
import { listStaffWithDuty } from '../../store/people/affiliations.ts';
import type { Outbox } from './outbox.ts';
import { mailVerifiedAddresses } from './verified-addresses.ts';

/** Mails the registrars of schools that work waits in the console. The mail names no person. */
export async function mailRegistrars(
  tx: Transaction,
  { outbox, issuer, clock }: { outbox: Outbox; issuer: string; clock: Clock },
  schoolCodes: readonly string[],
  task: StaffTask,
): Promise<void> {
  const link = `${issuer}/console/family-requests`;
  for (const id of await listStaffWithDuty(tx, schoolCodes, 'registrar', localDate(clock.now()))) {
    await mailVerifiedAddresses(tx, outbox, id, (name) => ({ template: 'staff-task', locals: { name, task, link } }));
  }
}
