import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SMTPServerDataStream } from 'smtp-server';
import { simpleParser } from 'mailparser';
import { z } from 'zod';
import { createPrivateFolder } from '../../src/config/private-folder.ts';

/** Maximum number of kept messages. The oldest are deleted first. */
const MAX_MESSAGES = 1_000;

const messageSchema = z.object({
  id: z.string(),
  /** ISO instant. */
  receivedAt: z.string(),
  from: z.string(),
  /** The recipients of the SMTP envelope, including blind copies. */
  to: z.array(z.string()),
  subject: z.string(),
  text: z.string(),
  html: z.string().nullable(),
});

/** A received mail. */
export type Message = Readonly<z.infer<typeof messageSchema>>;

export interface Envelope {
  from: string;
  to: readonly string[];
}

export interface Mailbox {
  /** Reads a mail to its end and stores it. @throws {Error} when it is too large; SMTP reports the error to the sender */
  receive(envelope: Envelope, source: SMTPServerDataStream): Promise<void>;
  /** Lists the messages, newest first. */
  all(): readonly Message[];
}

/** @param dir folder that keeps the mail over a restart, one JSON file each; without it the mail is kept in memory */
export function createMailbox(dir?: string): Mailbox {
  const kept = dir === undefined ? [] : readMessages(dir);
  let counter = 0;
  return {
    all: () => kept,
    receive: async (envelope, source) => {
      const mail = await simpleParser(source);
      if (source.sizeExceeded) throw new Error('the mail is too large');
      const receivedAt = new Date();
      counter += 1;
      const message: Message = {
        // Ids sort by time as text. The counter distinguishes mails of the same millisecond.
        id: `${receivedAt.getTime()}-${String(counter).padStart(6, '0')}`,
        receivedAt: receivedAt.toISOString(),
        from: mail.from?.text ?? envelope.from,
        to: [...envelope.to],
        subject: mail.subject ?? '',
        text: mail.text ?? '',
        html: typeof mail.html === 'string' ? mail.html : null,
      };
      if (dir !== undefined) {
        writeFileSync(join(dir, `${message.id}.json`), JSON.stringify(message, null, 2), { mode: 0o600 });
      }
      kept.unshift(message);
      for (const old of kept.splice(MAX_MESSAGES)) {
        if (dir !== undefined) rmSync(join(dir, `${old.id}.json`), { force: true });
      }
    },
  };
}

function readMessages(dir: string): Message[] {
  createPrivateFolder(dir);
  return readdirSync(dir)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .reverse()
    .flatMap((name) => readMessage(join(dir, name)));
}

/** Reads one message. Ignores a file that a crash truncated. */
function readMessage(file: string): Message[] {
  try {
    return [messageSchema.parse(JSON.parse(readFileSync(file, 'utf8')))];
  } catch {
    return [];
  }
}
