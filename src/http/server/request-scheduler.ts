import type { IncomingMessage } from 'node:http';
import type { Handler } from './in-flight-tracker.ts';

/** Begins the request, or drops it when its client is gone. */
type StartRequest = () => void;

/** So many pages of people are begun in a round; it is short then, and those who go first are never far from their turn. */
const MAX_PAGES_PER_TICK = 2;
/** Each takes about 10 KB until the round is over, and its response. */
const MAX_PRIORITY_REQUESTS_PER_TICK = 100;

/**
 * Begins requests in rounds of the event loop. What arrived in the same round is begun together, so that each step runs for all of
 * them while its code is warm in the processor; one by one, each request would find it pushed out by the steps before. In a crowd
 * people's pages wait in the order in which they came, and a program that renews a token does not wait behind them (decision 0012).
 *
 * @param isPriority what is begun in the round in which it arrives
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
        // The socket and not the response: one that waits behind another one does not know that its client is gone.
        resolve(request.socket.destroyed ? undefined : handle(request, response));
      });
    });
}
