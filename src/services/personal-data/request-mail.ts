import type { Transaction } from '../../store/database/index.ts';
import type { SubjectRequestRow } from '../../store/personal-data/requests.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { mailVerifiedAddresses } from '../notifications/verified-addresses.ts';

/** What happened to a request; the names of texts. */
export const REQUEST_MAIL_RESULTS = ['received', 'approved', 'declined', 'extended'] as const;
export type RequestMailResult = (typeof REQUEST_MAIL_RESULTS)[number];

/** Mails a person what happened to a request. Call it before a deletion, which removes the address. @returns the ids of the jobs */
export async function mailAboutRequest(
  tx: Transaction,
  { outbox, issuer }: { outbox: Outbox; issuer: string },
  { id, personId, kind, dueAt }: Pick<SubjectRequestRow, 'id' | 'personId' | 'kind' | 'dueAt'>,
  { result, reason }: { result: RequestMailResult; reason: string },
): Promise<string[]> {
  const link = `${issuer}/account/data/requests/${id}`;
  return mailVerifiedAddresses(tx, outbox, personId, (name) => ({
    template: 'subject-request',
    locals: { name, kind, result, reason, dueAt, link },
  }));
}
