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
  /** Drops the waiting operations, aborts the one in progress, and takes no more. */
  close(): void;
  isClosed(): boolean;
  isIdle(): boolean;
  /** Resolves when no operation is in progress. */
  idle(): Promise<void>;
}

interface Options {
  run: (message: QueuedMessage, signal: AbortSignal) => Promise<void>;
  pauseReading: () => void;
  resumeReading: () => void;
}

/** Operations that wait. Beyond them the connection is not read. */
const MAX_WAITING = 64;

export function createOperationQueue({ run, pauseReading, resumeReading }: Options): OperationQueue {
  const waiting: QueuedMessage[] = [];
  let current: { id: number; abort: AbortController; done: Promise<void> } | undefined;
  let closed = false;
  const next = (): void => {
    const message = waiting.shift();
    if (message === undefined) {
      current = undefined;
      return;
    }
    if (waiting.length === MAX_WAITING - 1 && !closed) resumeReading();
    const abort = new AbortController();
    current = { id: message.id, abort, done: run(message, abort.signal).finally(next) };
  };
  return {
    add: (message) => {
      if (closed) return;
      waiting.push(message);
      if (current === undefined) next();
      else if (waiting.length >= MAX_WAITING) pauseReading();
    },
    abandon: (id) => {
      const at = waiting.findIndex((one) => one.id === id);
      if (at >= 0) waiting.splice(at, 1);
      else if (current?.id === id) current.abort.abort();
    },
    close: () => {
      closed = true;
      waiting.length = 0;
      current?.abort.abort();
    },
    isClosed: () => closed,
    isIdle: () => current === undefined,
    idle: async () => {
      await current?.done;
    },
  };
}
