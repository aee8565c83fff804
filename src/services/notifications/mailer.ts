import { createTransport } from 'nodemailer';
import { z } from 'zod';
import { SECOND_FACTOR_CHANGES } from '../../domain/credentials/second-factors.ts';
import { SECOND_MS } from '../../domain/duration.ts';
import type { I18n } from '../../presentation/i18n.ts';
import type { MailName } from '../../presentation/page-locals.ts';
import type { Mail, Templates } from '../../presentation/templates.ts';
import type { MailJob } from './outbox.ts';

/** Sends the mails of the outbox. */
export interface Mailer {
  /** @throws the transport's error if the server does not accept the mail */
  send(job: MailJob): Promise<void>;
  close(): void;
}

const firstPasswordClosed = z.object({ name: z.string(), closedAt: z.number(), link: z.string() });
const passwordChanged = z.object({ name: z.string(), changedAt: z.number(), link: z.string() });
const staffAction = z.object({ name: z.string(), action: z.string(), at: z.number(), link: z.string() });
const secondFactorChanged = z.object({
  name: z.string(),
  change: z.enum(SECOND_FACTOR_CHANGES),
  at: z.number(),
  link: z.string(),
});
const secondFactorFailed = z.object({ name: z.string(), at: z.number(), link: z.string() });
const setupLink = z.object({ name: z.string(), link: z.string(), hours: z.number() });
const emailConfirmation = z.object({ name: z.string(), link: z.string(), minutes: z.number() });
const emailInUse = z.object({ link: z.string() });
const mobileInUse = z.object({ name: z.string(), link: z.string() });
const loginChanged = z.object({
  name: z.string(),
  at: z.number(),
  kind: z.enum(['email', 'mobile', 'account']),
  login: z.string(),
  link: z.string(),
});
const accountReminder = z.object({ name: z.string(), logins: z.string(), link: z.string() });
const resetLink = z.object({ name: z.string(), link: z.string(), minutes: z.number() });

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
      await transport.sendMail({ to, ...render(templates, template, i18n.negotiate({ personLocale: lang }), locals) });
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

/** Renders a mail. Parses the values, because an older version may have stored them. */
function render(templates: Templates, template: MailName, lang: string, values: unknown): Mail {
  if (isSecondFactorMail(template)) return renderSecondFactorMail(templates, template, lang, values);
  switch (template) {
    case 'first-password-closed':
      return templates.mail(template, lang, firstPasswordClosed.parse(values));
    case 'password-changed':
      return templates.mail(template, lang, passwordChanged.parse(values));
    case 'reset-link':
      return templates.mail(template, lang, resetLink.parse(values));
    case 'setup-link':
      return templates.mail(template, lang, setupLink.parse(values));
    case 'email-confirmation':
      return templates.mail(template, lang, emailConfirmation.parse(values));
    case 'email-in-use':
      return templates.mail(template, lang, emailInUse.parse(values));
    case 'mobile-in-use':
      return templates.mail(template, lang, mobileInUse.parse(values));
    case 'login-changed':
      return templates.mail(template, lang, loginChanged.parse(values));
    case 'account-reminder':
      return templates.mail(template, lang, accountReminder.parse(values));
    case 'staff-action':
      return templates.mail(template, lang, staffAction.parse(values));
  }
}

type SecondFactorMail = Extract<MailName, `second-factor-${string}`>;

function isSecondFactorMail(template: MailName): template is SecondFactorMail {
  return template.startsWith('second-factor-');
}

function renderSecondFactorMail(templates: Templates, template: SecondFactorMail, lang: string, values: unknown): Mail {
  return template === 'second-factor-changed'
    ? templates.mail(template, lang, secondFactorChanged.parse(values))
    : templates.mail(template, lang, secondFactorFailed.parse(values));
}
