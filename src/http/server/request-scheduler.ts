import type { IncomingMessage } from 'node:http';
import type { Handler } from './in-flight-tracker.ts';

/** Starts the request, or drops it if its client has disconnected. */
type StartRequest = () => void;

/** Few, so a turn of the event loop stays short and priority requests wait little. */
const MAX_PAGES_PER_TICK = 2;
/** Each uses about 10 KB until its response is generated. */
const MAX_PRIORITY_REQUESTS_PER_TICK = 100;

/**
 * Starts the requests that arrived in the same turn of the event loop together, so they share warm processor caches (decision 0012).
 * Under load, pages wait in the order of their arrival, and API requests do not wait for pages.
 *
 * @param isPriority returns true if the request starts in the turn in which it arrives
 */
export function scheduleRequests(handle: Handler, isPriority: (request: IncomingMessage) => boolean): Handler {
  const priority: StartRequest[] = [];
  const pages: StartRequest[] = [];
  const runTick = (): void => {
    for (const startRequest of [
      ...priority.splice(0, MAX_PRIORITY_REQUESTS_PER_TICK),
      ...pages.splice(0, MAX_PAGES_PER_TICK),
    ])
      startRequest();
    if (priority.length + pages.length > 0) setImmediate(runTick);
  };
  return (request, response) =>
    new Promise((resolve) => {
      if (priority.length + pages.length === 0) setImmediate(runTick);
      (isPriority(request) ? priority : pages).push(() => {
        // Checks the socket, because a pipelined response does not know that its client has disconnected.
        resolve(request.socket.destroyed ? undefined : handle(request, response));
      });
    });
}
