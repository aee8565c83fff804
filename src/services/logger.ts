import { pino, type DestinationStream, type Logger, type LoggerOptions } from 'pino';

export type { Logger };

/** Lines that wait while standard output takes none; what does not fit is lost. In bytes. */
const MOST_WAITING = 1_000_000;

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
  return pino(options, forgiving(destination ?? standardOutput()));
}

function standardOutput(): DestinationStream {
  const out = pino.destination({ dest: 1, sync: true, maxLength: MOST_WAITING });
  out.on('error', () => undefined);
  return out;
}

function forgiving(destination: DestinationStream): DestinationStream {
  return {
    write: (line) => {
      try {
        destination.write(line);
      } catch {
        // There is no other place to say it.
      }
    },
  };
}
