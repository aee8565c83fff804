import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { DecodeError } from '../codec/ber.ts';
import { createFramer, FrameError } from '../codec/framing.ts';
import { decodeCancel, decodeMessage, openEnvelope, type Envelope, type LimitedMessage } from '../codec/requests.ts';
import { encodeDisconnection, encodeResult } from '../codec/responses.ts';
import { runOperation } from '../operations/run.ts';
import { OID, type Entry, type Message, type Result } from '../protocol.ts';
import { ANONYMOUS, type LdapDeps, type Session } from '../session.ts';
import type { Turns } from '../turns.ts';
import { observeOperation, recordResult } from './observation.ts';
import type { HeldBytes } from './held-bytes.ts';
import {
  CANCELED,
  createOperationQueue,
  type OperationQueue,
  type QueuedMessage,
  type Running,
} from './operation-queue.ts';
import { createResponseWriter, type ResponseWriter } from './response-writer.ts';
import type { ConnectionTimeouts } from './timeouts.ts';
import type { CurrentContext } from './tls.ts';

export interface ConnectionOptions {
  deps: LdapDeps;
  turns: Turns;
  heldBytes: HeldBytes;
  currentContext: CurrentContext;
  timeouts: ConnectionTimeouts;
  /** True: TLS begins at once (LDAPS). */
  isImplicitTls: boolean;
}

/**
 * Most bytes of one message, and the bytes of outstanding operations from which the connection is not read. Before a bind only small ones are
 * needed.
 */
const MAX_BYTES = 1024 * 1024;
const MAX_BYTES_BEFORE_BIND = 64 * 1024;

/** A connection of a client, from its start until it closes. */
export class Connection {
  readonly #deps: LdapDeps;
  readonly #heldBytes: HeldBytes;
  readonly #currentContext: CurrentContext;
  readonly #timeouts: ConnectionTimeouts;
  readonly #session: Session;
  readonly #framer = createFramer(() => this.#maxBytes());
  readonly #queue: OperationQueue;
  readonly #responses: ResponseWriter;
  #socket: Socket;
  #timer: NodeJS.Timeout | undefined;
  /** Time by which a client without a bind must bind. Messages do not extend it. */
  #bindBy: number | undefined;
  #isCanceling = false;

  constructor(socket: Socket, { deps, turns, heldBytes, currentContext, timeouts, isImplicitTls }: ConnectionOptions) {
    this.#deps = deps;
    this.#heldBytes = heldBytes;
    this.#currentContext = currentContext;
    this.#timeouts = timeouts;
    this.#session = { identity: ANONYMOUS, serviceId: undefined, isTls: false, address: socket.remoteAddress ?? '' };
    this.#queue = createOperationQueue({
      turns,
      run: (message, running) => this.#answer(message, running),
      rejectCanceled: async ({ id, kind }) => this.#responses.add(encodeResult(id, kind, { result: 'canceled' })),
      maxBytes: () => this.#maxBytes(),
      onFinished: () => {
        this.#handleMessages();
      },
    });
    this.#responses = createResponseWriter({
      currentSocket: () => this.#socket,
      writeMs: timeouts.writeMs,
      onBlocked: () => {
        this.#recordHeldBytes();
      },
      onDrained: () => {
        this.#handleMessages();
      },
    });
    this.#socket = socket;
    socket.setNoDelay(true);
    if (isImplicitTls) this.#secure();
    else this.#listen();
  }

  /** Lets the operation in progress finish for a few seconds, and disconnects. */
  async drain(result: Result): Promise<void> {
    clearTimeout(this.#timer);
    this.#queue.finish();
    const timeout = new AbortController();
    const timedOut = sleep(this.#timeouts.finishMs, undefined, { signal: timeout.signal }).catch(() => undefined);
    await Promise.race([this.#queue.idle(), timedOut]);
    timeout.abort();
    await this.disconnect(result);
  }

  /** Aborts the operation in progress, tells the client why (RFC 4511, section 4.4.1), and closes. */
  async disconnect(result: Result): Promise<void> {
    clearTimeout(this.#timer);
    this.#queue.close();
    this.#end(encodeDisconnection(result));
    await this.#queue.idle();
  }

  /** Closes this side, and the connection when the peer does not close its own. */
  #end(bytes: Buffer): void {
    const socket = this.#socket;
    if (!socket.destroyed && !socket.writableEnded) socket.end(this.#responses.takeBefore(bytes));
    // The end of the peer is behind the bytes that it sent.
    socket.resume();
    setTimeout(() => socket.destroy(), this.#timeouts.closeMs).unref();
  }

  isAnonymous(): boolean {
    return this.#session.identity.kind === 'anonymous';
  }

  #maxBytes(): number {
    return this.isAnonymous() ? MAX_BYTES_BEFORE_BIND : MAX_BYTES;
  }

  #recordHeldBytes(): void {
    const socket = this.#socket;
    const unhandled = this.#framer.capacity() + this.#queue.countBytes();
    const bytes = unhandled + socket.readableLength + socket.writableLength;
    this.#heldBytes.record(this, socket.destroyed ? 0 : bytes);
  }

  /** Closes the connection without a notice, because all connections hold too many bytes. */
  destroy(): void {
    this.#queue.close();
    this.#socket.destroy();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('data', this.#receive);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      clearTimeout(this.#timer);
      this.#queue.close();
      this.#recordHeldBytes();
    });
    this.#restartTimer();
  }

  #restartTimer(): void {
    clearTimeout(this.#timer);
    if (this.#socket.destroyed || this.#queue.isClosed()) return;
    const now = performance.now();
    this.#bindBy = this.isAnonymous() ? (this.#bindBy ?? now + this.#timeouts.bindMs) : undefined;
    const timeoutMs = this.#bindBy === undefined ? this.#timeouts.idleMs : Math.max(this.#bindBy - now, 0);
    const text = this.#bindBy === undefined ? 'the connection was idle' : 'the connection did not bind in time';
    this.#timer = setTimeout(() => void this.disconnect({ result: 'unavailable', text }), timeoutMs);
  }

  readonly #receive = (chunk: Buffer): void => {
    if (this.#queue.isClosed()) return;
    this.#framer.push(chunk);
    this.#handleMessages();
  };

  #handleMessages(): void {
    this.#handleCompleteMessages();
    this.#recordHeldBytes();
  }

  /** Pauses while too many operations wait, or the peer does not read its responses. */
  #handleCompleteMessages(): void {
    try {
      while (!this.#isFull()) {
        if (this.#queue.isClosed()) return;
        const bytes = this.#framer.next();
        if (bytes === undefined) {
          if (this.#socket.isPaused()) this.#socket.resume();
          return;
        }
        this.#handle(bytes);
        this.#restartTimer();
      }
      if (!this.#queue.isClosed()) this.#socket.pause();
    } catch (error) {
      if (!(error instanceof FrameError) && !(error instanceof DecodeError)) throw error;
      void this.disconnect({ result: 'protocolError', text: error.message });
    }
  }

  #isFull(): boolean {
    return this.#queue.isFull() || this.#isCanceling || this.#socket.writableNeedDrain;
  }

  #handle(bytes: Buffer): void {
    const envelope = openEnvelope(bytes);
    const { id, kind } = envelope;
    if (kind === 'unbind') {
      this.#queue.close();
      this.#end(Buffer.alloc(0));
    } else if (kind === 'abandon' || kind === 'extended') this.#handleBeforeOthers(envelope, bytes.length);
    else this.#queue.add({ ...envelope, id, kind, size: bytes.length });
  }

  /** Handles an operation that may change the ones before it. */
  #handleBeforeOthers(envelope: Envelope, size: number): void {
    const message = decodeMessage(envelope);
    const request = 'request' in message ? message.request : undefined;
    if (request?.kind === 'abandon') this.#queue.abandon(request.target);
    else if (request?.kind !== 'extended') return;
    else if (request.oid === OID.startTls) this.#startTls(message.id);
    else if (request.oid === OID.cancel) void this.#cancel(message.id, decodeCancel(request));
    else this.#queue.add({ ...envelope, kind: 'extended', size });
  }

  async #cancel(id: number, target: number): Promise<void> {
    this.#isCanceling = true;
    const result = { result: await this.#queue.cancel(target) };
    this.#isCanceling = false;
    recordResult(this.#deps, this.#session, { kind: 'extended' }, result);
    const written = this.#responses.add(encodeResult(id, 'extended', result));
    this.#handleMessages();
    await written;
  }

  #startTls(id: number): void {
    const record = (result: Result): void => {
      recordResult(this.#deps, this.#session, { kind: 'extended' }, result);
    };
    const refuse = (text: string): void => {
      const result = { result: 'operationsError', text } as const;
      record(result);
      void this.#responses.add(encodeResult(id, 'extended', result));
    };
    if (this.#session.isTls) refuse('TLS is already active');
    else if (!this.#queue.isIdle()) refuse('an operation is in progress');
    // Bytes behind the request would count as sent under TLS (RFC 4511, section 4.14.1).
    else if (this.#framer.pending() > 0 || this.#socket.readableLength > 0) this.#socket.destroy();
    else {
      this.#socket.off('data', this.#receive);
      this.#socket.pause();
      record({ result: 'success' });
      this.#socket.write(this.#responses.takeBefore(encodeResult(id, 'extended', { result: 'success' })));
      this.#secure();
    }
  }

  #secure(): void {
    const raw = this.#socket;
    if (raw.listenerCount('error') === 0) raw.on('error', () => raw.destroy());
    const socket = new TLSSocket(raw, { isServer: true, secureContext: this.#currentContext() });
    // Bytes that are not TLS, after the handshake. Node destroys only the sockets that its own servers created.
    socket.on('_tlsError', (error: NodeJS.ErrnoException) => {
      this.#deps.log.debug({ code: error.code }, 'TLS of a directory connection failed');
      socket.destroy();
    });
    this.#socket = socket;
    this.#session.isTls = true;
    this.#session.identity = ANONYMOUS;
    this.#session.serviceId = undefined;
    this.#listen();
  }

  async #answer(envelope: QueuedMessage, running: Running): Promise<void> {
    const result = await this.#run(envelope, running);
    const { signal } = running;
    // An abandoned operation has no response (RFC 4511, section 4.11).
    if (result !== undefined && (!signal.aborted || signal.reason === CANCELED))
      await this.#responses.add(encodeResult(envelope.id, envelope.kind, result));
    this.#restartTimer();
  }

  /** @returns undefined when the message is not valid, which ends the connection */
  async #run(envelope: QueuedMessage, { signal, pause }: Running): Promise<Result | undefined> {
    const message = this.#decode(envelope);
    if (message === undefined) return undefined;
    if ('limited' in message) {
      const result = { result: 'adminLimitExceeded', text: message.limited } as const;
      recordResult(this.#deps, this.#session, { kind: 'search' }, result);
      return result;
    }
    const { id, request, controls } = message;
    // The queue has none of these.
    if (request.kind === 'unbind' || request.kind === 'abandon') return undefined;
    const context = {
      ...{ session: this.#session, controls, signal },
      send: (entry: Entry) => {
        this.#responses.addEntry(id, entry);
      },
      pause: () => this.#responses.drained()?.then(pause) ?? pause(),
    };
    return observeOperation(this.#deps, this.#session, request, async () => {
      const finished = await runOperation(this.#deps, context, request);
      return signal.reason === CANCELED ? { result: 'canceled' } : finished;
    });
  }

  /** @returns undefined when the message is not valid, which ends the connection */
  #decode(envelope: Envelope): Message | LimitedMessage | undefined {
    try {
      return decodeMessage(envelope);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      void this.disconnect({ result: 'protocolError', text: error.message });
      return undefined;
    }
  }
}
