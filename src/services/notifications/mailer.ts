import { createTransport } from 'nodemailer';
import { z } from 'zod';
import type { I18n } from '../../presentation/i18n.ts';
import type { MailName } from '../../presentation/page-locals.ts';
import type { Mail, Templates } from '../../presentation/templates.ts';
import type { MailJob } from './outbox.ts';

/** Sends what the outbox hands over. @throws the transport's error when the server does not take the mail */
export interface Mailer {
  send(job: MailJob): Promise<void>;
  close(): void;
}

const SMTP_TIMEOUT_MS = 1_000;

const firstPasswordClosed = z.object({ name: z.string(), closedAt: z.number(), link: z.string() });
const passwordChanged = z.object({ name: z.string(), changedAt: z.number(), link: z.string() });
const resetLink = z.object({ name: z.string(), link: z.string(), minutes: z.number() });

/** A server that does not answer is given up soon; the outbox tries again. */
const SMTP_TIMEOUTS = {
  connectionTimeout: 10 * SMTP_TIMEOUT_MS,
  greetingTimeout: 10 * SMTP_TIMEOUT_MS,
  socketTimeout: 30 * SMTP_TIMEOUT_MS,
};

interface Settings {
  smtpUrl: string;
  from: string;
  /** Sends nothing to a server that offers no STARTTLS (RFC 8314, section 3): reset links sign people in. */
  requireTls: boolean;
}

export function createMailer({ smtpUrl, from, requireTls }: Settings, templates: Templates, i18n: I18n): Mailer {
  const transport = createTransport(
    { url: requireTls ? withTls(smtpUrl) : smtpUrl, ...SMTP_TIMEOUTS },
    // Auto-generated: no vacation replies (RFC 3834 5).
    { from, headers: { 'Auto-Submitted': 'auto-generated' } },
  );
  return {
    send: async ({ to, template, lang, locals }) => {
      await transport.sendMail({ to, ...render(templates, template, i18n.negotiate({ personLocale: lang }), locals) });
    },
    close: () => {
      transport.close();
    },
  };
}

/** In the URL, because what stands there wins over all other options. */
function withTls(smtpUrl: string): string {
  const url = new URL(smtpUrl);
  url.searchParams.set('requireTLS', 'true');
  return url.href;
}

/** What lay in the outbox is parsed again: an older version of the program may have written it. */
function render(templates: Templates, template: MailName, lang: string, values: unknown): Mail {
  switch (template) {
    case 'first-password-closed':
      return templates.mail(template, lang, firstPasswordClosed.parse(values));
    case 'password-changed':
      return templates.mail(template, lang, passwordChanged.parse(values));
    case 'reset-link':
      return templates.mail(template, lang, resetLink.parse(values));
  }
}
