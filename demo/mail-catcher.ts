import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { createMailbox, type Message, type Mailbox } from './mail/mailbox.ts';
import { createInbox } from './mail/web.ts';

export type { Message };

/** This machine only: the inbox holds links that open accounts. */
const HOST = '127.0.0.1';
const MAX_MESSAGE_BYTES = 5 * 1024 * 1024;
/** Milliseconds that an SMTP connection may take to end. */
const CLOSE_TIMEOUT_MS = 500;

export interface MailCatcherOptions {
  /** 0 takes a free one. */
  smtpPort: number;
  /** 0 takes a free one. */
  webPort: number;
  /** Keeps the mails over a restart. */
  dir?: string;
}

export interface MailCatcher {
  smtpUrl: string;
  webUrl: string;
  /** The newest first. */
  messages(): readonly Message[];
  close(): Promise<void>;
}

/**
 * A real SMTP server that takes every mail for anybody and sends none on, with an inbox for a browser.
 *
 * @throws {Error} `EADDRINUSE` when a port is taken
 */
export async function startMailCatcher({ smtpPort, webPort, dir }: MailCatcherOptions): Promise<MailCatcher> {
  const messages = createMailbox(dir);
  const smtp = createSmtp(messages);
  const handle = createInbox(messages).callback();
  const web = createServer((request, response) => void handle(request, response));
  // Broken connections of clients are their trouble, not a reason to end; an error of listening is thrown below.
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
