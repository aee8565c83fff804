import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { startMailCatcher, type MailCatcher, type Message } from '../../demo/mail-catcher.ts';
import { createHttpBrowser } from './http-browser.ts';
import { pollUntil } from './poll.ts';

/** Subject of the mail with a reset link. */
export const RESET_SUBJECT = '設定新密碼';

/** Starts a mail catcher for all tests of a file. Its URLs exist when the tests run. */
export function useMailCatcher(): MailCatcher {
  let mail: MailCatcher;
  before(async () => {
    mail = await startMailCatcher({ smtpPort: 0, webPort: 0 });
  });
  after(() => mail.close());
  return {
    get smtpUrl() {
      return mail.smtpUrl;
    },
    get webUrl() {
      return mail.webUrl;
    },
    messages: () => mail.messages(),
    close: () => mail.close(),
  };
}

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

/** Requests a password reset and waits for its mail. @returns the link of the mail */
export async function requestResetLink(
  { issuer }: { issuer: string },
  mail: MailCatcher,
  login: string,
  address = login,
): Promise<string> {
  const before = mailsTo(mail, address, RESET_SUBJECT).length;
  const httpBrowser = createHttpBrowser(issuer);
  await httpBrowser.submit(await httpBrowser.open('/forgot-password'), { login });
  await pollUntil('one more mail', () => mailsTo(mail, address, RESET_SUBJECT).length > before);
  return linkIn(await mailTo(mail, address, RESET_SUBJECT));
}
