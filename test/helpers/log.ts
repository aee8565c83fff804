import { createLogger, type Logger } from '../../src/platform/logger.ts';

/** The service's own logger, writing to memory. */
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
