import type { AnsweredRequest } from '../operations/run.ts';
import type { Envelope } from '../codec/requests.ts';
import type { Slice, Turns } from '../turns.ts';

/** A message that is decoded when its operation begins. `size`: its bytes. */
export type QueuedMessage = Envelope & { kind: AnsweredRequest['kind']; size: number };

/**
 * The operations of one connection. They run one after the other: a bind needs that no other operation is in progress (RFC 4511,
 * section 4.2.1). After 10 ms the next one waits for a turn, so one connection cannot occupy the service.
 */
export interface OperationQueue {
  add(message: QueuedMessage): void;
  /** Removes a waiting operation, or aborts the one in progress. A bind continues. */
  abandon(id: number): void;
  /**
   * Cancels an operation (RFC 3909), which then has the result `canceled`. A bind and an extended operation cannot be canceled.
   *
   * @returns the result for the client, when the operation has its own
   */
  cancel(id: number): Promise<'success' | 'noSuchOperation' | 'cannotCancel'>;
  /** Drops the waiting operations and takes no more. The one in progress finishes. */
  finish(): void;
  /** Drops the waiting operations, aborts the one in progress, and takes no more. */
  close(): void;
  isClosed(): boolean;
  isIdle(): boolean;
  /** Returns the bytes of the operation in progress and of those that wait. */
  countBytes(): number;
  /** Returns true if no message should be added now. */
  isFull(): boolean;
  /** Resolves when no operation is in progress. */
  idle(): Promise<void>;
}

/** The reason of an abort by `cancel`. After other aborts the operation has no response. */
export const CANCELED = 'canceled';

/** The parts of the queue that an operation in progress uses. */
export interface Running {
  /** Aborted when the operation is abandoned or canceled, or the queue is closed. */
  signal: AbortSignal;
  /** Lets other operations continue after 10 ms. Does not wait for the peer. */
  pause: Slice['pause'];
}

interface Options {
  turns: Turns;
  run: (message: QueuedMessage, running: Running) => Promise<void>;
  /** Responds to an operation that was canceled before it began. */
  rejectCanceled: (message: QueuedMessage) => Promise<void>;
  /** Returns the bytes of outstanding operations from which the queue is full. The message that reaches them is still added. */
  maxBytes: () => number;
  /** Called after each operation. The queue may still be full by bytes. */
  onFinished: () => void;
}

/** Operations that wait or are in progress. Beyond them the connection is not read. */
const MAX_OUTSTANDING = 64;

export function createOperationQueue({ turns, run, rejectCanceled, maxBytes, onFinished }: Options): OperationQueue {
  const slice = turns.createSlice();
  const waiting: QueuedMessage[] = [];
  let current: { message: QueuedMessage; abort: AbortController; done: Promise<void> } | undefined;
  let closed = false;
  const start = (message: QueuedMessage): typeof current => {
    const abort = new AbortController();
    // A connection that ended during the pause needs no response.
    const begin = async (): Promise<void> => {
      if (!closed || !abort.signal.aborted) await run(message, { signal: abort.signal, pause: slice.pause });
    };
    const done = (slice.pause()?.then(begin) ?? begin()).finally(next).finally(onFinished);
    return { message, abort, done };
  };
  const next = (): void => {
    const message = waiting.shift();
    current = message && start(message);
  };
  const listOutstanding = (): QueuedMessage[] => (current === undefined ? [] : [current.message, ...waiting]);
  const countBytes = (): number => listOutstanding().reduce((sum, { size }) => sum + size, 0);
  const find = (id: number): QueuedMessage | undefined => listOutstanding().find((one) => one.id === id);
  const finish = (): void => {
    closed = true;
    waiting.length = 0;
  };
  return {
    add: (message) => {
      if (closed) return;
      waiting.push(message);
      if (current !== undefined) return;
      slice.begin();
      next();
    },
    abandon: (id) => {
      const message = find(id);
      // A bind cannot be abandoned (RFC 4511, section 4.11).
      if (message === undefined || message.kind === 'bind') return;
      if (takeMessage(waiting, id) === undefined) current?.abort.abort();
    },
    cancel: async (id) => {
      const message = find(id);
      const running = current?.message === message ? current : undefined;
      if (message === undefined) return 'noSuchOperation';
      if (message.kind === 'bind' || message.kind === 'extended') return 'cannotCancel';
      if (takeMessage(waiting, id) !== undefined) await rejectCanceled(message);
      running?.abort.abort(CANCELED);
      await running?.done;
      return 'success';
    },
    finish,
    close: () => {
      finish();
      current?.abort.abort();
    },
    isClosed: () => closed,
    isIdle: () => current === undefined,
    countBytes,
    isFull: () => listOutstanding().length >= MAX_OUTSTANDING || countBytes() >= maxBytes(),
    idle: () => current?.done ?? Promise.resolve(),
  };
}

/** Removes a message from a list. @returns undefined if it is not there */
function takeMessage(messages: QueuedMessage[], id: number): QueuedMessage | undefined {
  const at = messages.findIndex((one) => one.id === id);
  return at < 0 ? undefined : messages.splice(at, 1)[0];
}
