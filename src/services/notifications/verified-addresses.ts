import { DEFAULT_LANGUAGE } from '../../domain/text.ts';
import type { Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { MailJob, Outbox } from './outbox.ts';

/** The page on which a person did what a mail is about. */
export interface MailOrigin {
  deviceName?: string | undefined;
  /** The language of the page; the mail has it if the person has none. */
  lang?: string | undefined;
}

type WrittenMail = Pick<MailJob, 'template' | 'locals' | 'request'> & Pick<MailOrigin, 'lang'>;

/**
 * Enqueues a mail to every verified e-mail address of a person. An unverified address may belong to another person.
 *
 * @param write makes the mail for the name of the person and the address
 * @param except an address that gets no mail
 * @returns the ids of the jobs
 */
export async function mailVerifiedAddresses(
  tx: Transaction,
  outbox: Outbox,
  personId: string,
  write: (name: string, to: string) => WrittenMail,
  except?: string,
): Promise<string[]> {
  const facts = await people.loadPersonFacts(tx, personId);
  if (facts === undefined) return [];
  const ids: string[] = [];
  for (const { kind, value, isVerified: verified } of facts.identifiers) {
    if (kind !== 'email' || !verified || value === except) continue;
    const { lang: pageLang = DEFAULT_LANGUAGE, ...mail } = write(facts.name, value);
    ids.push(await outbox.enqueue(tx, { kind: 'mail', to: value, lang: facts.locale ?? pageLang, ...mail }));
  }
  return ids;
}
