import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { z } from 'zod';

/** The answer to the parser that stops it (llhttp, `on_headers_complete`): the rest of the read is dropped. */
const STOP_PARSING = 2;

type OnIncoming = (this: unknown, request: IncomingMessage, keepAlive: boolean) => number | undefined;
const withParser = z.object({ parser: z.custom<object>((value) => typeof value === 'object' && value !== null) });
const onIncomingMethod = z.custom<OnIncoming>(
  (value) => typeof value === 'function',
  'node: parser.onIncoming has moved',
);

/**
 * Stops the parser when its socket was destroyed, as in-flight-tracker.ts does for a client that pipelines too much. Node makes a request and a
 * response for each of the about 2,400 requests that fit into one read of 64 KiB, also after the socket was destroyed. It keeps them
 * until the event loop has read all other sockets: 300 such sockets exceed the heap. Node has no option for it, so this wraps the method
 * that its parser calls for each request.
 */
export function stopParsingWhenDestroyed(server: Server, event: 'connection' | 'secureConnection'): void {
  server.on(event, (socket: Socket) => {
    const { parser } = withParser.parse(socket);
    const onIncoming = onIncomingMethod.parse(Reflect.get(parser, 'onIncoming'));
    Reflect.set(parser, 'onIncoming', (request: IncomingMessage, keepAlive: boolean): number | undefined =>
      socket.destroyed ? STOP_PARSING : onIncoming.call(parser, request, keepAlive),
    );
  });
}
