import { pino, type DestinationStream, type Logger, type LoggerOptions } from 'pino';
import { currentRequestIds } from './request-id.ts';

export type { Logger };

/** Bytes of log lines that may wait for standard output. Further lines are dropped. */
const MAX_QUEUED_LINES = 1_000_000;

/**
 * Creates a logger that writes JSON lines. Lines of a request have its ids. Callers select the fields of each line; the redaction below is a
 * second safeguard. Lines that cannot be written are dropped without an error: a full disk must not fail requests or stop the process.
 *
 * @param destination default: standard output
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    mixin: currentRequestIds,
    redact: {
      paths: ['password', 'login', 'email', 'token', 'cookie', 'authorization', 'headers', 'body'].flatMap((name) => [
        name,
        `*.${name}`,
      ]),
      censor: '[redacted]',
    },
  };
  const drops = { droppedLines: 0 };
  const log = pino(options, ignoreWriteErrors(destination ?? standardOutput(drops), drops));
  dropsOfLogger.set(log, drops);
  return log;
}

interface LogDrops {
  droppedLines: number;
}

/** Dropped lines per logger. The logger exists before the metrics, which read its count. */
const dropsOfLogger = new WeakMap<Logger, LogDrops>();

/** Returns the number of dropped lines. Lines that wait for standard output do not count. */
export function countDroppedLines(log: Logger): number {
  return dropsOfLogger.get(log)?.droppedLines ?? 0;
}

function standardOutput(drops: LogDrops): DestinationStream {
  const out = pino.destination({ dest: 1, sync: true, maxLength: MAX_QUEUED_LINES });
  let isClosed = false;
  out.on('drop', () => {
    drops.droppedLines += 1;
  });
  out.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' || isClosed) return;
    isClosed = true;
    drops.droppedLines += 1;
  });
  return {
    write: (line) => {
      // The reader closed the pipe. pino stops writing without an event.
      if (isClosed) drops.droppedLines += 1;
      else out.write(line);
    },
  };
}

function ignoreWriteErrors(destination: DestinationStream, drops: LogDrops): DestinationStream {
  return {
    write: (line) => {
      try {
        destination.write(line);
      } catch {
        drops.droppedLines += 1;
      }
    },
  };
}
