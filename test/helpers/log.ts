import { createLogger, type Logger } from '../../src/platform/logger.ts';

/** The logger of the service with output to memory. */
export interface CapturedLog {
  log: Logger;
  text(): string;
}

export function createCapturedLog(level = 'debug'): CapturedLog {
  let text = '';
  return {
    log: createLogger(level, {
      write: (line) => {
        text += line;
      },
    }),
    text: () => text,
  };
}
