import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { z } from 'zod';

/** Return value that makes the parser drop the rest of a read (llhttp, `on_headers_complete`). */
const STOP_PARSING = 2;

type OnIncoming = (this: unknown, request: IncomingMessage, keepAlive: boolean) => number | undefined;
const withParser = z.object({ parser: z.custom<object>((value) => typeof value === 'object' && value !== null) });
const onIncomingMethod = z.custom<OnIncoming>(
  (value) => typeof value === 'function',
  'node: parser.onIncoming is not a function; adapt stop-parsing.ts to this Node version',
);

/**
 * Stops the parser of a destroyed socket, such as that of a client that pipelines too much (in-flight-tracker.ts).
 *
 * One read of 64 KiB contains up to 2,400 requests. Node creates a request and a response for each, even after the socket is destroyed,
 * and keeps them until the event loop has read all other sockets. 300 such sockets exceed the heap. Node has no option for it, so this
 * function wraps the method that the parser calls for each request.
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
