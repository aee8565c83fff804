import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { DecodeError } from '../codec/ber.ts';
import { createFramer, FrameError } from '../codec/framing.ts';
import { decodeCancel, decodeMessage } from '../codec/requests.ts';
import { encodeDisconnection, encodeEntry, encodeResult } from '../codec/responses.ts';
import { runOperation } from '../operations/run.ts';
import { OID, type Message, type Result } from '../protocol.ts';
import { ANONYMOUS, type LdapDeps, type Session } from '../session.ts';
import { CANCELED, createOperationQueue, type QueuedMessage } from './operation-queue.ts';
import type { CurrentContext } from './tls.ts';

export interface ConnectionOptions {
  deps: LdapDeps;
  currentContext: CurrentContext;
  /** True: TLS begins at once (LDAPS). */
  isImplicitTls: boolean;
}

/** Most bytes of a message. Before a bind only small ones are needed. */
const MAX_BYTES = 1024 * 1024;
const MAX_BYTES_BEFORE_BIND = 64 * 1024;
/** Time from the start of a connection, or from a failed bind, to a bind that succeeds, in ms. */
const BIND_TIMEOUT_MS = 30_000;
/** Time without a complete message, in ms. */
const IDLE_TIMEOUT_MS = 15 * 60_000;
/** Time for a peer that does not read its responses, in ms. */
const WRITE_TIMEOUT_MS = 30_000;
/** Time for the operation in progress when the service stops, in ms. The process ends after 10 s. */
const FINISH_TIMEOUT_MS = 5_000;
/** Time for a peer to close its side after the notice of disconnection, in ms. */
const CLOSE_TIMEOUT_MS = 1_000;

/** A connection of a client, from its start until it closes. */
export class Connection {
  readonly #deps: LdapDeps;
  readonly #currentContext: CurrentContext;
  readonly #session: Session;
  readonly #framer = createFramer(() => (this.#isAnonymous() ? MAX_BYTES_BEFORE_BIND : MAX_BYTES));
  readonly #queue = createOperationQueue({
    run: (message, signal) => this.#answer(message, signal),
    rejectCanceled: ({ id, request }) => this.#write(encodeResult(id, request.kind, { result: 'canceled' })),
    pauseReading: () => {
      this.#socket.pause();
    },
    resumeReading: () => {
      this.#socket.resume();
    },
  });
  #socket: Socket;
  #timer: NodeJS.Timeout | undefined;
  /** Time by which a client without a bind must bind. Messages do not extend it. */
  #bindBy: number | undefined;

  constructor(socket: Socket, { deps, currentContext, isImplicitTls }: ConnectionOptions) {
    this.#deps = deps;
    this.#currentContext = currentContext;
    this.#session = { identity: ANONYMOUS, isTls: false, address: socket.remoteAddress ?? '' };
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
    const timedOut = sleep(FINISH_TIMEOUT_MS, undefined, { signal: timeout.signal }).catch(() => undefined);
    await Promise.race([this.#queue.idle(), timedOut]);
    timeout.abort();
    await this.disconnect(result);
  }

  /** Aborts the operation in progress, tells the client why (RFC 4511, section 4.4.1), and closes. */
  async disconnect(result: Result): Promise<void> {
    clearTimeout(this.#timer);
    this.#queue.close();
    const socket = this.#socket;
    if (!socket.destroyed) socket.end(encodeDisconnection(result));
    setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS).unref();
    await this.#queue.idle();
  }

  #isAnonymous(): boolean {
    return this.#session.identity.kind === 'anonymous';
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('data', this.#receive);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      clearTimeout(this.#timer);
      this.#queue.close();
    });
    this.#restartTimer();
  }

  #restartTimer(): void {
    clearTimeout(this.#timer);
    if (this.#socket.destroyed || this.#queue.isClosed()) return;
    const now = performance.now();
    this.#bindBy = this.#isAnonymous() ? (this.#bindBy ?? now + BIND_TIMEOUT_MS) : undefined;
    const timeoutMs = this.#bindBy === undefined ? IDLE_TIMEOUT_MS : Math.max(this.#bindBy - now, 0);
    this.#timer = setTimeout(
      () => void this.disconnect({ result: 'unavailable', text: 'the connection was idle' }),
      timeoutMs,
    );
  }

  readonly #receive = (chunk: Buffer): void => {
    try {
      const frames = this.#framer.push(chunk);
      frames.forEach((frame, at) => {
        this.#handle(frame, at === frames.length - 1 && this.#framer.pending() === 0);
      });
      if (frames.length > 0) this.#restartTimer();
    } catch (error) {
      if (!(error instanceof FrameError) && !(error instanceof DecodeError)) throw error;
      void this.disconnect({ result: 'protocolError', text: error.message });
    }
  };

  /** @param isLast true if no other bytes were received behind the message */
  #handle(frame: Buffer, isLast: boolean): void {
    if (this.#socket.destroyed || this.#queue.isClosed()) return;
    const message = decodeMessage(frame);
    if (!('request' in message)) {
      const result = { result: 'adminLimitExceeded', text: message.limited } as const;
      void this.#write(encodeResult(message.id, 'search', result));
      return;
    }
    this.#dispatch(message, isLast);
  }

  #dispatch({ id, request, controls }: Message, isLast: boolean): void {
    if (request.kind === 'unbind') {
      this.#queue.close();
      this.#socket.end();
    } else if (request.kind === 'abandon') this.#queue.abandon(request.target);
    else if (request.kind === 'extended' && request.oid === OID.startTls) this.#startTls(id, isLast);
    else if (request.kind === 'extended' && request.oid === OID.cancel) void this.#cancel(id, decodeCancel(request));
    else this.#queue.add({ id, request, controls });
  }

  async #cancel(id: number, target: number): Promise<void> {
    const result = { result: await this.#queue.cancel(target) };
    this.#deps.metrics.ldapOperations.inc({ operation: 'extended', result: result.result });
    await this.#write(encodeResult(id, 'extended', result));
  }

  #startTls(id: number, isLast: boolean): void {
    const refuse = (text: string): void => {
      void this.#write(encodeResult(id, 'extended', { result: 'operationsError', text }));
    };
    if (this.#session.isTls) refuse('TLS is already active');
    else if (!this.#queue.isIdle()) refuse('an operation is in progress');
    // Bytes behind the request would count as sent under TLS (RFC 4511, section 4.14.1).
    else if (!isLast) this.#socket.destroy();
    else {
      this.#socket.off('data', this.#receive);
      this.#socket.pause();
      this.#socket.write(encodeResult(id, 'extended', { result: 'success' }));
      this.#secure();
    }
  }

  #secure(): void {
    const raw = this.#socket;
    if (raw.listenerCount('error') === 0) raw.on('error', () => raw.destroy());
    this.#socket = new TLSSocket(raw, { isServer: true, secureContext: this.#currentContext() });
    this.#session.isTls = true;
    this.#session.identity = ANONYMOUS;
    this.#listen();
  }

  async #answer({ id, request, controls }: QueuedMessage, signal: AbortSignal): Promise<void> {
    const { ldapOperationSeconds, ldapOperations } = this.#deps.metrics;
    const endTimer = ldapOperationSeconds.startTimer({ operation: request.kind });
    const context = {
      ...{ session: this.#session, controls, signal },
      send: (entry: Parameters<typeof encodeEntry>[1]) => this.#write(encodeEntry(id, entry)),
    };
    const finished = await runOperation(this.#deps, context, request);
    const isCanceled = signal.reason === CANCELED;
    const result: Result = isCanceled ? { result: 'canceled' } : finished;
    endTimer();
    ldapOperations.inc({ operation: request.kind, result: result.result });
    // An abandoned operation has no response (RFC 4511, section 4.11).
    if (!signal.aborted || isCanceled) await this.#write(encodeResult(id, request.kind, result));
    this.#restartTimer();
  }

  /** Waits while the peer does not read, and closes the connection when it takes too long. */
  async #write(bytes: Buffer): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed || socket.writableEnded || socket.write(bytes)) return;
    const settled = new AbortController();
    const signal = AbortSignal.any([settled.signal, AbortSignal.timeout(WRITE_TIMEOUT_MS)]);
    await Promise.race([once(socket, 'drain', { signal }), once(socket, 'close', { signal })]).catch(() => {
      socket.destroy();
    });
    settled.abort();
  }
}
