/** Time for which operations may use the event loop without a pause, ms. */
const MAX_BLOCK_MS = 10;

/**
 * The order in which operations continue after they have used the event loop for long. Operations on SQLite and in memory never wait for I/O,
 * so without turns nothing else would run until the last of a connection ends.
 */
export interface Turns {
  /** Returns a slice for operations that run one after the other. */
  createSlice(): Slice;
}

/** The time for which operations have used the event loop since the last pause. */
export interface Slice {
  /** Starts the time. Slices that begin in one iteration of the event loop share it. */
  begin(): void;
  /**
   * Pauses after `MAX_BLOCK_MS`. In each iteration of the event loop one slice continues, and one that pauses for the first time since it
   * began: a short operation does not wait for many long ones, and requests run in between.
   *
   * @returns undefined, or a promise to wait for
   */
  pause: () => Promise<void> | undefined;
}

export function createTurns(): Turns {
  const begun: (() => void)[] = [];
  const continuing: (() => void)[] = [];
  let iterationBeganAt: number | undefined;
  let isScheduled = false;
  const schedule = (): void => {
    if (isScheduled || begun.length + continuing.length === 0) return;
    isScheduled = true;
    setImmediate(() => {
      isScheduled = false;
      begun.shift()?.();
      continuing.shift()?.();
      schedule();
    });
  };
  const wait = (queue: (() => void)[]): Promise<void> =>
    new Promise((resolve) => {
      queue.push(resolve);
      schedule();
    });
  const beginIteration = (): number => {
    setImmediate(() => {
      iterationBeganAt = undefined;
    });
    return performance.now();
  };
  return {
    createSlice: () => {
      let beganAt = 0;
      let queue = begun;
      const continueLater = async (): Promise<void> => {
        await wait(queue);
        queue = continuing;
        beganAt = performance.now();
      };
      return {
        begin: () => {
          queue = begun;
          beganAt = iterationBeganAt ??= beginIteration();
        },
        pause: () => (performance.now() - beganAt > MAX_BLOCK_MS ? continueLater() : undefined),
      };
    },
  };
}
