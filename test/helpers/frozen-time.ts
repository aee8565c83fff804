import { mock } from 'node:test';

/** The time of this process, held still and moved by hand. */
export interface FrozenTime {
  advance(ms: number): void;
  release(): void;
}

export { SECOND_MS as SECOND, MINUTE_MS as MINUTE, HOUR_MS as HOUR, DAY_MS as DAY } from '../../src/domain/duration.ts';

/** A school day of the demo city's term. */
export const SCHOOL_DAY = Date.UTC(2026, 10, 23, 1);

/**
 * Holds `Date` of the whole process: the provider and the libraries of the test read it themselves, so a clock that is passed
 * in would move only half of what runs. Timers go on as ever.
 */
export function freezeTime(now: number = SCHOOL_DAY): FrozenTime {
  mock.timers.enable({ apis: ['Date'], now });
  return {
    advance: (ms) => {
      mock.timers.setTime(Date.now() + ms);
    },
    release: () => {
      mock.timers.reset();
    },
  };
}
