import type { Transaction } from '../../store/database/index.ts';
import type { SubjectRequestRow } from '../../store/personal-data/requests.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { mailVerifiedAddresses, type MailOrigin } from '../notifications/verified-addresses.ts';

/** The results of a request; the names of texts. */
export type RequestMailResult = 'received' | 'approved' | 'declined' | 'extended';

/** Mails a person the result of a request. Call it before a deletion, which removes the address. @returns the ids of the jobs */
export async function mailAboutRequest(
  tx: Transaction,
  { outbox, issuer }: { outbox: Outbox; issuer: string },
  { id, personId, kind, dueAt }: Pick<SubjectRequestRow, 'id' | 'personId' | 'kind' | 'dueAt'>,
  { result, reason, lang }: { result: RequestMailResult; reason: string } & Pick<MailOrigin, 'lang'>,
): Promise<string[]> {
  const link = `${issuer}/account/data/requests/${id}`;
  return mailVerifiedAddresses(tx, outbox, personId, (name) => ({
    template: 'subject-request',
    locals: { name, kind, result, reason, dueAt, link },
    lang,
  }));
}
