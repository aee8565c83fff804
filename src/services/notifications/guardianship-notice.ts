import type { GuardianshipNotice } from '../../domain/binding/family-notices.ts';
import type { Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { Outbox } from './outbox.ts';
import { mailVerifiedAddresses } from './verified-addresses.ts';

interface Notice {
  kind: GuardianshipNotice;
  /** The person who gets the mail. */
  to: string;
  /** The student. */
  about: string;
  /** The answer of the school; shown to the person. */
  reason?: string;
}

/** Mails a guardian or a student about a guardianship, in the language of the person. */
export async function mailGuardianshipNotice(
  tx: Transaction,
  { outbox, issuer }: { outbox: Outbox; issuer: string },
  { kind, to, about, reason = '' }: Notice,
): Promise<void> {
  const student = (await people.listNames(tx, [about])).get(about) ?? '';
  const link = to === about ? `${issuer}/account/guardians` : `${issuer}/account`;
  await mailVerifiedAddresses(tx, outbox, to, (name) => ({
    template: 'guardianship-notice',
    locals: { name, student, kind, reason, link },
  }));
}
