import { createTransport, type Transporter } from 'nodemailer';
import { SECOND_MS } from '../../domain/duration.ts';

export interface MailTransportSettings {
  smtpUrl: string;
  from: string;
  /** Refuses servers without STARTTLS (RFC 8314, section 3): reset links give access. */
  requireTls: boolean;
}

/** Timeouts in ms: short, because the outbox retries. */
const SMTP_TIMEOUTS = {
  connectionTimeout: 10 * SECOND_MS,
  greetingTimeout: 10 * SECOND_MS,
  socketTimeout: 30 * SECOND_MS,
};

export function createMailTransport({ smtpUrl, requireTls }: Omit<MailTransportSettings, 'from'>): Transporter {
  return createTransport(
    { url: requireTls ? withTls(smtpUrl) : smtpUrl, ...SMTP_TIMEOUTS },
    // Prevents vacation replies (RFC 3834, section 5).
    { headers: { 'Auto-Submitted': 'auto-generated' } },
  );
}

/** Returns the address of `Name <address>`. Recipients see the name of the service in their language instead of the name. */
export function addressOf(from: string): string {
  return /<([^<>]+)>$/.exec(from)?.[1] ?? from;
}

/** Adds `requireTLS` to the URL, because parameters there override all other options. */
function withTls(smtpUrl: string): string {
  const url = new URL(smtpUrl);
  url.searchParams.set('requireTLS', 'true');
  return url.href;
}
