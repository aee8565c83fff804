import { pino, type DestinationStream, type Logger, type LoggerOptions } from 'pino';

export type { Logger };

/** Lines that wait while standard output takes none; what does not fit is lost. In bytes. */
const MAX_QUEUED_LINES = 1_000_000;

/**
 * JSON lines on standard output. What is logged is chosen field by field at each call; the redaction below is the second
 * line: whatever carries one of these names never gets out. A log that can not be written loses its lines and stops nothing: an
 * error of its own would turn a sign-in into a 500, and a full disk into the end of the program.
 *
 * @param destination left out: standard output
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      paths: ['password', 'login', 'email', 'token', 'cookie', 'authorization', 'headers', 'body'].flatMap((name) => [
        name,
        `*.${name}`,
      ]),
      censor: '[redacted]',
    },
  };
  const losses = { droppedLines: 0 };
  const log = pino(options, ignoreWriteErrors(destination ?? standardOutput(losses), losses));
  known.set(log, losses);
  return log;
}

interface LogDrops {
  droppedLines: number;
}

/** A logger is there before the figures are, so these ask for its losses, and it need not know them. */
const known = new WeakMap<Logger, LogDrops>();

/** How many lines could not be written and never will be. Those that wait for standard output are not among them. */
export function countDroppedLines(log: Logger): number {
  return known.get(log)?.droppedLines ?? 0;
}

function standardOutput(losses: LogDrops): DestinationStream {
  const out = pino.destination({ dest: 1, sync: true, maxLength: MAX_QUEUED_LINES });
  let closed = false;
  out.on('drop', () => {
    losses.droppedLines += 1;
  });
  out.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' || closed) return;
    closed = true;
    losses.droppedLines += 1;
  });
  return {
    write: (line) => {
      // Nobody reads any more; pino itself has stopped writing, without a word.
      if (closed) losses.droppedLines += 1;
      else out.write(line);
    },
  };
}

function ignoreWriteErrors(destination: DestinationStream, losses: LogDrops): DestinationStream {
  return {
    write: (line) => {
      try {
        destination.write(line);
      } catch {
        losses.droppedLines += 1;
      }
    },
  };
}
