import type { Socket } from 'node:net';
import { createResponseBuffer } from '../codec/responses.ts';
import type { Entry } from '../protocol.ts';

/** Writes the responses of a connection. Those of one turn of the event loop are one write: each is a call of the kernel, and may wake the peer. */
export interface ResponseWriter {
  /** Adds an entry of a search. Does not wait for the peer. */
  addEntry(id: number, entry: Entry): void;
  /** Adds an encoded message. @returns a promise if the peer does not read */
  add(message: Buffer): Promise<void> | undefined;
  /** Returns the responses that are not written yet, and then other bytes. */
  takeBefore(bytes: Buffer): Buffer;
  /** Returns a promise if the peer does not read. It resolves when the peer reads again, or the connection ends. */
  drained(): Promise<void> | undefined;
}

interface Options {
  /** Returns the socket, which changes when TLS begins. */
  currentSocket: () => Socket;
  /** Time for a peer that does not read, ms. Then the connection ends. */
  writeMs: number;
  /** The peer does not read: the socket holds responses. */
  onBlocked: () => void;
  onDrained: () => void;
}

export function createResponseWriter({ currentSocket, writeMs, onBlocked, onDrained }: Options): ResponseWriter {
  const responses = createResponseBuffer();
  let isFlushing = false;
  let drained: Promise<void> | undefined;
  const waitForDrain = async (socket: Socket): Promise<void> => {
    const timer = setTimeout(() => socket.destroy(), writeMs);
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        socket.off('drain', settle).off('close', settle);
        resolve();
      };
      socket.on('drain', settle).on('close', settle);
    });
    clearTimeout(timer);
    drained = undefined;
    onDrained();
  };
  const send = async (bytes: Buffer): Promise<void> => {
    const socket = currentSocket();
    if (socket.destroyed || socket.writableEnded) return;
    if (socket.write(bytes)) return;
    onBlocked();
    drained ??= waitForDrain(socket);
    await drained;
  };
  const flushLater = (full: Buffer | undefined): Promise<void> | undefined => {
    if (!isFlushing) {
      isFlushing = true;
      process.nextTick(() => {
        isFlushing = false;
        const bytes = responses.take();
        if (bytes.length > 0) void send(bytes);
      });
    }
    return full === undefined ? drained : send(full);
  };
  return {
    addEntry: (id, entry) => void flushLater(responses.addEntry(id, entry)),
    add: (message) => flushLater(responses.add(message)),
    takeBefore: (bytes) => Buffer.concat([responses.take(), bytes]),
    drained: () => drained,
  };
}
