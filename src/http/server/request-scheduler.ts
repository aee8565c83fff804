import type { IncomingMessage } from 'node:http';
import type { Handler } from './in-flight-tracker.ts';

/** Begins the request, or drops it when its client is gone. */
type Begin = () => void;

/** So many pages of people are begun in a round; it is short then, and those who go first are never far from their turn. */
const PAGES_A_ROUND = 2;
/** Each takes about 10 KB until the round is over, and its response. */
const FIRST_A_ROUND = 100;

/**
 * Begins requests in rounds of the event loop. What arrived in the same round is begun together, so that each step runs for all of
 * them while its code is warm in the processor; one by one, each request would find it pushed out by the steps before. In a crowd
 * people's pages wait in the order in which they came, and a program that renews a token does not wait behind them (decision 0012).
 *
 * @param goesFirst what is begun in the round in which it arrives
 */
export function inRounds(handle: Handler, goesFirst: (request: IncomingMessage) => boolean): Handler {
  const first: Begin[] = [];
  const pages: Begin[] = [];
  const begin = (): void => {
    for (const beginOne of [...first.splice(0, FIRST_A_ROUND), ...pages.splice(0, PAGES_A_ROUND)]) beginOne();
    if (first.length + pages.length > 0) setImmediate(begin);
  };
  return (request, response) =>
    new Promise((resolve) => {
      if (first.length + pages.length === 0) setImmediate(begin);
      (goesFirst(request) ? first : pages).push(() => {
        // The socket and not the response: one that waits behind another one does not know that its client is gone.
        resolve(request.socket.destroyed ? undefined : handle(request, response));
      });
    });
}
