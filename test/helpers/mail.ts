import assert from 'node:assert/strict';

import type { MailCatcher, Message } from '../../demo/mail-catcher.ts';
import { pollUntil } from './poll.ts';

/** Waits for a mail to the address whose subject contains this text. @returns the newest one */
export function mailTo(mail: MailCatcher, address: string, subject: string): Promise<Message> {
  return pollUntil(`mail "${subject}" to ${address}`, () =>
    mail.messages().find((message) => message.to.includes(address) && message.subject.includes(subject)),
  );
}

/** Lists the mails to the address whose subject contains this text. */
export function mailsTo(mail: MailCatcher, address: string, subject: string): Message[] {
  return mail.messages().filter((message) => message.to.includes(address) && message.subject.includes(subject));
}

/** Returns the first link in the text of a mail. */
export function linkIn({ text }: Pick<Message, 'text'>): string {
  const [link] = /https?:\/\/\S+/.exec(text) ?? [];
  assert.ok(link, `no link in: ${text}`);
  return link;
}
