import { once } from 'node:events';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { DecodeError } from '../codec/ber.ts';
import { createFramer, FrameError } from '../codec/framing.ts';
import { decodeMessage } from '../codec/requests.ts';
import { encodeDisconnection, encodeEntry, encodeResult } from '../codec/responses.ts';
import { runOperation, type AnsweredRequest } from '../operations/run.ts';
import { OID, type Message, type Result } from '../protocol.ts';
import { ANONYMOUS, type LdapDeps, type Session } from '../session.ts';
import { createOperationQueue, type OperationQueue } from './operation-queue.ts';
import type { CurrentContext } from './tls.ts';

export interface ConnectionOptions {
  deps: LdapDeps;
  currentContext: CurrentContext;
  /** True: TLS begins at once (LDAPS). */
  isImplicitTls: boolean;
}

export interface Connection {
  /** Finishes the operation in progress, tells the client why, and closes. */
  disconnect(result: Result): Promise<void>;
}

/** Most bytes of a message. Before a bind only small ones are needed. */
const MAX_BYTES = 1024 * 1024;
const MAX_BYTES_BEFORE_BIND = 64 * 1024;
/** Time for a TLS handshake and for the first bind, in ms. */
const BIND_TIMEOUT_MS = 30_000;
/** Time without a complete message, in ms. */
const IDLE_TIMEOUT_MS = 15 * 60_000;
/** Time for a peer that does not read its responses, in ms. */
const WRITE_TIMEOUT_MS = 30_000;

/** Serves a connection until it closes. */
export function serveConnection(raw: Socket, options: ConnectionOptions): Connection {
  const { deps, currentContext } = options;
  const session: Session = { identity: ANONYMOUS, isTls: false, address: raw.remoteAddress ?? '' };
  const framer = createFramer(() => (session.identity.kind === 'anonymous' ? MAX_BYTES_BEFORE_BIND : MAX_BYTES));
  let socket = raw;
  let timer: NodeJS.Timeout | undefined;
  const restartTimer = (): void => {
    clearTimeout(timer);
    timer = setTimeout(
      () => void disconnect({ result: 'unavailable', text: 'connection was idle' }),
      session.identity.kind === 'anonymous' ? BIND_TIMEOUT_MS : IDLE_TIMEOUT_MS,
    );
  };
  const write = async (bytes: Buffer): Promise<void> => {
    if (socket.destroyed || socket.write(bytes)) return;
    const timeout = AbortSignal.timeout(WRITE_TIMEOUT_MS);
    await Promise.race([once(socket, 'drain', { signal: timeout }), once(socket, 'close', { signal: timeout })]).catch(
      () => socket.destroy(),
    );
  };
  const queue: OperationQueue = createOperationQueue({
    run: (message, signal) => answer(message, signal),
    pauseReading: () => socket.pause(),
    resumeReading: () => socket.resume(),
  });
  const answer = async (message: Message & { request: AnsweredRequest }, signal: AbortSignal): Promise<void> => {
    const { id, request, controls } = message;
    const end = deps.metrics.ldapOperationSeconds.startTimer({ operation: request.kind });
    const send = (entry: Parameters<typeof encodeEntry>[1]): Promise<void> => write(encodeEntry(id, entry));
    const result = await runOperation(deps, { session, controls, signal, send }, request);
    end();
    deps.metrics.ldapOperations.inc({ operation: request.kind, result: result.result });
    // An abandoned operation has no response (RFC 4511, section 4.11).
    if (!signal.aborted || result.result === 'canceled') await write(encodeResult(id, request.kind, result));
    restartTimer();
  };
  const disconnect = async (result: Result): Promise<void> => {
    clearTimeout(timer);
    socket.pause();
    queue.close();
    if (!socket.destroyed) socket.end(encodeDisconnection(result));
    // A peer that does not close its side keeps nothing open.
    const kill = setTimeout(() => socket.destroy(), 1_000);
    kill.unref();
    await queue.idle();
  };
  const startTls = (id: number, isAlone: boolean): void => {
    const respond = (result: Result): void => void write(encodeResult(id, 'extended', result));
    if (session.isTls) respond({ result: 'operationsError', text: 'TLS is already active' });
    else if (!isAlone) {
      // Bytes behind the request would count as sent under TLS (RFC 4511, section 4.14.1).
      socket.destroy();
    } else {
      socket.off('data', receive);
      socket.pause();
      socket.write(encodeResult(id, 'extended', { result: 'success' }));
      secure();
    }
  };
  const secure = (): void => {
    const secured = new TLSSocket(socket, { isServer: true, secureContext: currentContext() });
    session.isTls = true;
    session.identity = ANONYMOUS;
    socket = secured;
    listen();
  };
  const receive = (chunk: Buffer): void => {
    try {
      const frames = framer.push(chunk);
      frames.forEach((frame, at) => {
        handle(frame, at === frames.length - 1 && framer.pending() === 0);
      });
      if (frames.length > 0) restartTimer();
    } catch (error) {
      if (!(error instanceof FrameError) && !(error instanceof DecodeError)) throw error;
      void disconnect({ result: 'protocolError', text: error.message });
    }
  };
  const handle = (frame: Buffer, isLast: boolean): void => {
    if (socket.destroyed || queue.isClosed()) return;
    const message = decodeMessage(frame);
    if (!('request' in message)) {
      void write(encodeResult(message.id, 'search', { result: 'adminLimitExceeded', text: message.limited }));
      return;
    }
    const { id, request, controls } = message;
    if (request.kind === 'unbind') {
      queue.close();
      socket.end();
    } else if (request.kind === 'abandon') queue.abandon(request.target);
    else if (request.kind === 'extended' && request.oid === OID.startTls) startTls(id, isLast && queue.isIdle());
    else queue.add({ id, request, controls });
  };
  const listen = (): void => {
    socket.on('data', receive);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      clearTimeout(timer);
      queue.close();
    });
    restartTimer();
  };
  raw.setNoDelay(true);
  if (options.isImplicitTls) {
    raw.on('error', () => raw.destroy());
    secure();
  } else listen();
  return { disconnect };
}
