import { createTransport } from 'nodemailer';
import { SECOND_MS } from '../../domain/duration.ts';
import type { I18n } from '../../presentation/i18n.ts';
import { MAIL_SCHEMAS, type MailName } from '../../presentation/mail-locals.ts';
import type { Mail, Templates } from '../../presentation/templates.ts';
import type { MailJob } from './outbox.ts';

/** Sends the mails of the outbox. */
export interface Mailer {
  /** @throws the transport's error if the server does not accept the mail */
  send(job: MailJob): Promise<void>;
  close(): void;
}

/** Timeouts in ms: short, because the outbox retries. */
const SMTP_TIMEOUTS = {
  connectionTimeout: 10 * SECOND_MS,
  greetingTimeout: 10 * SECOND_MS,
  socketTimeout: 30 * SECOND_MS,
};

interface Settings {
  smtpUrl: string;
  from: string;
  /** Refuses servers without STARTTLS (RFC 8314, section 3): reset links give access. */
  requireTls: boolean;
}

export function createMailer({ smtpUrl, from, requireTls }: Settings, templates: Templates, i18n: I18n): Mailer {
  const transport = createTransport(
    { url: requireTls ? withTls(smtpUrl) : smtpUrl, ...SMTP_TIMEOUTS },
    // Prevents vacation replies (RFC 3834, section 5).
    { from, headers: { 'Auto-Submitted': 'auto-generated' } },
  );
  return {
    send: async ({ to, template, lang, locals }) => {
      const mail = render(templates, template, i18n.negotiate({ personLocale: lang }), locals);
      await transport.sendMail({ to, ...mail });
    },
    close: () => {
      transport.close();
    },
  };
}

/** Adds `requireTLS` to the URL, because parameters there override all other options. */
function withTls(smtpUrl: string): string {
  const url = new URL(smtpUrl);
  url.searchParams.set('requireTLS', 'true');
  return url.href;
}

function render(templates: Templates, template: MailName, lang: string, stored: unknown): Mail {
  return templates.mail(template, lang, MAIL_SCHEMAS[template].parse(stored));
}
