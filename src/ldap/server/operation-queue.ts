import type { AnsweredRequest } from '../operations/run.ts';
import type { Message } from '../protocol.ts';

export type QueuedMessage = Message & { request: AnsweredRequest };

/**
 * The operations of one connection. They run one after the other: a bind needs that no other operation is in progress (RFC 4511,
 * section 4.2.1), and one connection cannot occupy the service.
 */
export interface OperationQueue {
  add(message: QueuedMessage): void;
  /** Removes a waiting operation, or aborts the one in progress. */
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
  /** Resolves when no operation is in progress. */
  idle(): Promise<void>;
}

/** The reason of an abort by `cancel`. After other aborts the operation has no response. */
export const CANCELED = 'canceled';

interface Options {
  run: (message: QueuedMessage, signal: AbortSignal) => Promise<void>;
  /** Responds to an operation that was canceled before it began. */
  rejectCanceled: (message: QueuedMessage) => Promise<void>;
  pauseReading: () => void;
  resumeReading: () => void;
}

/** Operations that wait. Beyond them the connection is not read. */
const MAX_WAITING = 64;

export function createOperationQueue({ run, rejectCanceled, pauseReading, resumeReading }: Options): OperationQueue {
  const waiting: QueuedMessage[] = [];
  let current: { message: QueuedMessage; abort: AbortController; done: Promise<void> } | undefined;
  let closed = false;
  const next = (): void => {
    const message = waiting.shift();
    if (message === undefined) {
      current = undefined;
      return;
    }
    if (waiting.length === MAX_WAITING - 1 && !closed) resumeReading();
    const abort = new AbortController();
    current = { message, abort, done: run(message, abort.signal).finally(next) };
  };
  const takeWaiting = (id: number): QueuedMessage | undefined => {
    const at = waiting.findIndex((one) => one.id === id);
    return at < 0 ? undefined : waiting.splice(at, 1)[0];
  };
  const finish = (): void => {
    closed = true;
    waiting.length = 0;
  };
  return {
    add: (message) => {
      if (closed) return;
      waiting.push(message);
      if (current === undefined) next();
      else if (waiting.length >= MAX_WAITING) pauseReading();
    },
    abandon: (id) => {
      if (takeWaiting(id) === undefined && current?.message.id === id) current.abort.abort();
    },
    cancel: async (id) => {
      const running = current?.message.id === id ? current : undefined;
      const message = running?.message ?? waiting.find((one) => one.id === id);
      if (message === undefined) return 'noSuchOperation';
      if (message.request.kind === 'bind' || message.request.kind === 'extended') return 'cannotCancel';
      if (takeWaiting(id) !== undefined) await rejectCanceled(message);
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
    idle: async () => {
      await current?.done;
    },
  };
}
