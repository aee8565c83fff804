import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { createMailbox, type Message, type Mailbox } from './mail/mailbox.ts';
import { createInbox } from './mail/web.ts';

export type { Message };

/** Loopback only: the mailbox contains password reset links. */
const HOST = '127.0.0.1';
const MAX_MESSAGE_BYTES = 5 * 1024 * 1024;
/** How long an open SMTP connection may delay the close, in milliseconds. */
const CLOSE_TIMEOUT_MS = 500;

export interface MailCatcherOptions {
  /** 0 chooses a free port. */
  smtpPort: number;
  /** 0 chooses a free port. */
  webPort: number;
  /** Folder that keeps the mail over a restart. Without it the mail is kept in memory. */
  dir?: string;
}

export interface MailCatcher {
  smtpUrl: string;
  webUrl: string;
  /** Lists the messages, newest first. */
  messages(): readonly Message[];
  close(): Promise<void>;
}

/**
 * Starts an SMTP server that accepts mail to any address and forwards none, and a web mailbox that shows it.
 *
 * @throws {Error} `EADDRINUSE` when a port is in use
 */
export async function startMailCatcher({ smtpPort, webPort, dir }: MailCatcherOptions): Promise<MailCatcher> {
  const messages = createMailbox(dir);
  const smtp = createSmtp(messages);
  const handle = createInbox(messages).callback();
  const web = createServer((request, response) => void handle(request, response));
  // A broken client connection must not end the process. `listen` throws errors of the port itself.
  smtp.on('error', () => undefined);
  await listen(smtp.server, smtpPort);
  try {
    await listen(web, webPort);
  } catch (error) {
    await closeSmtp(smtp);
    throw error;
  }
  return {
    smtpUrl: `smtp://${HOST}:${portOf(smtp.server)}`,
    webUrl: `http://localhost:${portOf(web)}`,
    messages: () => messages.all(),
    close: async () => {
      const closed = once(web, 'close');
      web.close();
      web.closeAllConnections();
      await Promise.all([closed, closeSmtp(smtp)]);
    },
  };
}

function createSmtp(messages: Mailbox): SMTPServer {
  return new SMTPServer({
    banner: 'Kinpass demo',
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: CLOSE_TIMEOUT_MS,
    size: MAX_MESSAGE_BYTES,
    onData: (stream, session, done) => {
      const { mailFrom, rcptTo } = session.envelope;
      const envelope = { from: mailFrom === false ? '' : mailFrom.address, to: rcptTo.map(({ address }) => address) };
      messages.receive(envelope, stream).then(
        () => {
          done();
        },
        (error: unknown) => {
          done(error instanceof Error ? error : new Error(String(error)));
        },
      );
    },
  });
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function closeSmtp(smtp: SMTPServer): Promise<void> {
  return new Promise((resolve) => {
    smtp.close(() => {
      resolve();
    });
  });
}
