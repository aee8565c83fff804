import assert from 'node:assert/strict';

import type { MailCatcher, Message } from '../../demo/mail-catcher.ts';
import { pollUntil } from './poll.ts';

/** The newest mail to an address with this in its subject, as soon as it is there. */
export function mailTo(mail: MailCatcher, address: string, subject: string): Promise<Message> {
  return pollUntil(`mail "${subject}" to ${address}`, () =>
    mail.messages().find((message) => message.to.includes(address) && message.subject.includes(subject)),
  );
}

/** How many mails to an address have this in their subject. */
export function mailsTo(mail: MailCatcher, address: string, subject: string): Message[] {
  return mail.messages().filter((message) => message.to.includes(address) && message.subject.includes(subject));
}

/** The one link in the text of a mail. */
export function linkIn({ text }: Pick<Message, 'text'>): string {
  const [link] = /https?:\/\/\S+/.exec(text) ?? [];
  assert.ok(link, `no link in: ${text}`);
  return link;
}
