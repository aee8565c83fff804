import { addressOf, createMailTransport, type MailTransportSettings } from './mail-transport.ts';

/** Signs in to the mail server as the outbox does. */
export interface MailTest {
  /** @param to gets a mail @throws the transport's error */
  attempt(to?: string): Promise<void>;
  close(): void;
}

const TEXT = 'The mail server of Kinpass works. An operator sent this mail with "kinpass mail test".';

export function createMailTest(settings: MailTransportSettings): MailTest {
  const transport = createMailTransport(settings);
  return {
    attempt: async (to) => {
      if (to === undefined) await transport.verify();
      else await transport.sendMail({ from: addressOf(settings.from), to, subject: 'Kinpass: test mail', text: TEXT });
    },
    close: () => {
      transport.close();
    },
  };
}

/** What to do for the codes of nodemailer and of the system. */
const ADVICE: Readonly<Record<string, string>> = {
  EAUTH: 'check the user and the password in the URL',
  ETLS: 'the server offers no STARTTLS, or its certificate is not accepted; use smtps:// or repair the certificate',
  EDNS: 'check the host name',
  ENOTFOUND: 'check the host name',
  ECONNREFUSED: 'check the host and the port, and that the mail server runs',
  ETIMEDOUT: 'check the host, the port and the firewall',
  ECONNECTION: 'check the host, the port and the firewall',
  ESOCKET: 'check the host, the port, the certificate and the firewall',
  EENVELOPE: 'the server refused the sender or the recipient; check KINPASS_MAIL_FROM',
};

/** Describes an error of the mail server in one line, with what to do. */
export function describeMailError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  const [line = ''] = error.message.split('\n');
  return `${line}${code === '' ? '' : ` (${code})`}; ${ADVICE[code] ?? 'check the URL and the log of the mail server'}`;
}
