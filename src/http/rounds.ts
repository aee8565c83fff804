import type { IncomingMessage, RequestListener } from 'node:http';

type Arrived = Parameters<RequestListener>;

/** So many pages of people are begun in a round; it is short then, and those who go first are never far from their turn. */
const PAGES_A_ROUND = 2;

/**
 * Begins requests in rounds of the event loop. What arrived in the same round is begun together, so that each step runs for all of
 * them while its code is warm in the processor; one by one, each request would find it pushed out by the steps before. In a crowd
 * people's pages wait in the order in which they came, and a program that renews a token does not wait behind them (decision 0012).
 *
 * @param goesFirst what is begun in the round in which it arrives
 */
export function inRounds(handle: RequestListener, goesFirst: (request: IncomingMessage) => boolean): RequestListener {
  const first: Arrived[] = [];
  const pages: Arrived[] = [];
  const begin = (): void => {
    for (const [request, response] of [...first.splice(0), ...pages.splice(0, PAGES_A_ROUND)]) {
      // Who has gone in the meantime needs no answer.
      if (!response.destroyed) handle(request, response);
    }
    if (pages.length > 0) setImmediate(begin);
  };
  return (request, response) => {
    if (first.length + pages.length === 0) setImmediate(begin);
    (goesFirst(request) ? first : pages).push([request, response]);
  };
}
