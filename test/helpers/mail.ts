import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import type { MailCatcher, Message } from '../../demo/mail-catcher.ts';

const TIMEOUT_MS = 30_000;

/** Tries again and again until it gives something; the outbox works beside the request. @param patience milliseconds */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T | undefined> | undefined,
  patience = TIMEOUT_MS,
): Promise<T> {
  const end = performance.now() + patience;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) assert.fail(`not in time: ${what}`);
    await sleep(20);
  }
}

/** The newest mail to an address with this in its subject, as soon as it is there. */
export function mailTo(mail: MailCatcher, address: string, subject: string): Promise<Message> {
  return eventually(`mail "${subject}" to ${address}`, () =>
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
