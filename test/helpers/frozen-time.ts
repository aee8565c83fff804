import { after, before, mock } from 'node:test';

/** A frozen clock of this process that tests can advance. */
export interface FrozenTime {
  advance(ms: number): void;
  release(): void;
}

export { SECOND_MS as SECOND, MINUTE_MS as MINUTE, HOUR_MS as HOUR, DAY_MS as DAY } from '../../src/domain/duration.ts';

/** A school day of the demo city's term. */
export const SCHOOL_DAY = Date.UTC(2026, 10, 23, 1);

/**
 * Freezes `Date` of the whole process, because the provider and client libraries read it directly. Timers keep running.
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

/** Freezes the time of all tests of a file. */
export function useFrozenTime(): Pick<FrozenTime, 'advance'> {
  let time: FrozenTime;
  before(() => {
    time = freezeTime();
  });
  after(() => {
    time.release();
  });
  return {
    advance: (ms) => {
      time.advance(ms);
    },
  };
}
