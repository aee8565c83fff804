import { createLogger, type Logger } from '../../src/platform/logger.ts';

/** The service's own logger, writing to memory. */
export interface KeptLog {
  log: Logger;
  text(): string;
}

export function createKeptLog(level = 'debug'): KeptLog {
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
