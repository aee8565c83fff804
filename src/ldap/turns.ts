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
   * Pauses after `MAX_BLOCK_MS`. One slice continues in each iteration of the event loop, so short operations and requests run in between.
   *
   * @returns undefined, or a promise to wait for
   */
  pause: () => Promise<void> | undefined;
}

export function createTurns(): Turns {
  const waiting: (() => void)[] = [];
  let iterationBeganAt: number | undefined;
  const continueFirst = (): void => {
    waiting.shift()?.();
    if (waiting.length > 0) setImmediate(continueFirst);
  };
  const wait = (): Promise<void> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (waiting.length === 1) setImmediate(continueFirst);
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
      const continueLater = async (): Promise<void> => {
        await wait();
        beganAt = performance.now();
      };
      return {
        begin: () => {
          beganAt = iterationBeganAt ??= beginIteration();
        },
        pause: () => (performance.now() - beganAt > MAX_BLOCK_MS ? continueLater() : undefined),
      };
    },
  };
}
